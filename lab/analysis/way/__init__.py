"""The way of every 20 ms: in which packet it was, when that was at which place, which copies there were, and how late.

Law: from tap to tap and block to block; whose fault anything is, and whether it was heard, is for others to say.
"""
