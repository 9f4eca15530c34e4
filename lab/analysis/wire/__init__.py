"""What the taps saw: who sat where, which packets each tap has, and which of them are the same packet.

Law: captures alone; a packet that no tap saw is not there.
"""
