"""What a lab consists of, before there is one: who sits where, in what containers, from which images, how long.

Law: pure values and functions; nothing is started or asked here.
"""
