"""The only floor that joins rig, analysis and report: one run, many runs, stored runs, plans."""
