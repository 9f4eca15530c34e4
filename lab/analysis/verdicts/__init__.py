"""What is answered: outcome and owner of a flow, whether the run counts, and whether it has seen enough.

Law: a proven failure goes before what is unknown; what is missing is never guessed.
"""
