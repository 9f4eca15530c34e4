"""What the network did between two taps, by the kernel's own words and counters.

Law: what was asked of it is not read; captures and counters are two witnesses of the same packets.
"""
