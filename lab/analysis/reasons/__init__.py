"""Why the audio was damaged: for every piece of the damage one code of the closed table.

Law: a reason needs positive evidence of its own; what cannot be told apart is `undecided` and names both.
"""
