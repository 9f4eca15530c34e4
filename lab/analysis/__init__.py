"""From a recording to a verdict: ledger, prediction, gates, expectations. Pure: no clock, no dice, no engine."""
