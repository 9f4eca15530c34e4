"""Those who make a sweep's runs, and the crew of this machine: lanes side by side, each with a lab of its own.

Law: a crew makes the runs it is given and says how they ended; which runs, how often, and what they come to together
is not its concern.
"""
