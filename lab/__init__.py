"""`lab`: is the missing audio the network's fault, or the code's? Answered with proof, frame by frame."""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
"""Before numpy is loaded: more would spin for matrices this small, on the machine that is measured."""

__version__ = "0.1.0"
