"""What lies on disk: a sweep's folder with its plan and journal, how it is made, found, read, carried and put together.

Law: nothing that was told is ever lost, and nothing counts that is not whole.
"""
