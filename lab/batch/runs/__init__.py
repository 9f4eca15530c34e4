"""One run: recorded, judged, rendered; and the runs of `lab run`, one after another.

Law: a run knows nothing of sweeps. Nothing that judges or renders is imported before it is needed.
"""
