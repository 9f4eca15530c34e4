"""What runs and sweeps came to, from their folders to tables and comparisons.

Law: nothing is run and nothing written; what is missing, void or broken is a row that says so.
"""
