"""The container engine: its verbs as a protocol, and Docker behind it.

Law: nobody else speaks to Docker; everything made here carries the labels of its run from its creation.
"""
