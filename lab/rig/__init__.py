"""The outside world and nothing else: engine, layout, bump, a standing lab, programs, faults, witnesses, the session.

`session` tells the story; each folder is a room with one responsibility and imports only what stands below it (an
import contract says which).
"""
