"""The container engine: its verbs as a protocol, and Docker behind it; and the kernel's accounts of a container.

Law: nobody else speaks to Docker; everything made here carries the labels of its run from its creation.
"""
