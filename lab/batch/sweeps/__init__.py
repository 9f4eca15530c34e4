"""A sweep under way: which cells are run now, which attempt comes next, and when it is enough.

Law: what comes next follows from the plan and from what is committed, so that a sweep cut short goes on as if it had
not been.
"""
