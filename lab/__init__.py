"""`lab`: is the missing audio the network's fault, or the code's? Answered with proof, frame by frame."""

__version__ = "0.1.0"
