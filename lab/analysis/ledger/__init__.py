"""Where every 10 ms ended and who is charged for it.

Law: each block is in exactly one place, and what nothing accounts for is unexplained, never spread over the others.
"""
