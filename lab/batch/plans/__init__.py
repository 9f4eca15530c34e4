"""What a sweep is to run: its cells, their order, the labs and images they need, and all of it told in advance.

Law: nothing is run here, and no engine asked; what cannot be meant is refused before anything begins.
"""
