"""The programs that run in a standing lab: clients, crowd and competing traffic, from start to leavings.

Law: a program is a process in its own container; it is told when to begin, watched, and its last words are kept.
"""
