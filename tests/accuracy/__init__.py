"""The proof: faults of known strength, drawn by a seed, recorded, judged blindly, and compared with what was done.

`python -m tests.accuracy run` records a matrix and judges it, `rejudge` judges the recordings again, `report` writes
docs/accuracy.md and results/accuracy/summary.json.

    faults, harness ─► matrix ─► lane ──► journal ─► truth   ─┐
    what can be done   cells     records  one line   naive    ├► score ─► page
                                          per run    answers ─┘
"""
