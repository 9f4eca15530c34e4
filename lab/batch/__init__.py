"""The only floor that joins rig, analysis and report: one run, many runs, sweeps, and the tables they come to.

Each folder is a room with one responsibility; a room imports only what stands below it (an import contract says which).
"""
