"""What several runs say together: pooled, compared, and searched for a limit.

Law: runs are told apart only by their verdicts and figures; no recording is read here.
"""
