"""A lab that stands: built piece by piece, guarded while it lives, and taken down without a trace.

Law: what is created is labelled with its run and removed by that label, whoever dies in between.
"""
