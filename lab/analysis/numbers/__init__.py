"""How sure a number is, whatever it counts: shares, quantiles, slopes, chances.

Law: nothing here knows of audio, packets or owners; the same numbers give the same answer on every machine.
"""
