"""The ear: which 10 ms of what was pushed is in what the listener's program read, and where.

Law: the capture decides on packets that did not arrive (concealment replays the sound before it: ghosts), the ear on
those that did. What is read is laid beside what the wire carried by the cheapest monotone way, which follows every
stretching, shrinking, repeating and skipping of a jitter buffer (`align`); then each 10 ms is looked up in its place
(`listen`), and what is not there is explained by a second witness or stays unexplained (`missing`).
"""
