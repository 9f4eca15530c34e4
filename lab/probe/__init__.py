"""One wrapper around the SDK's publishing and reading calls: what a program meant to send, sent, and heard.

Standard library only and Python >= 3.9, because it also runs inside other people's clients. It observes: it never
changes what is pushed or read, and it writes each line at once, so that a kill costs at most one torn last line.
"""
