"""Who sees what happens: captures at the taps, the kernel's accounts, the server's words, and the facts of the machine.

Law: a witness writes down and changes nothing; no program under test can move what it says.
"""
