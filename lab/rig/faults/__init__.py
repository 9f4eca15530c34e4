"""The faults that are made around the programs: limits, pauses, a packet filter, small buffers.

Law: each is made at its time, undone with the run, and written down as it happened.
"""
