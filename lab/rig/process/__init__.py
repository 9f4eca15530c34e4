"""Signals and threads of our own process: what is waited for, what goes on side by side, what is told meanwhile.

Law: a signal ends a wait in whatever thread it stands, and never a cleanup.
"""
