"""From a recording to a verdict: ledger, prediction, gates, expectations. Pure: no clock, no dice, no engine.

`judge` tells the story; each folder is a room with one responsibility and imports only what stands below it (an import
contract says which): numbers, wire, network and containers, way, ear, flows, ledger, measures, reasons, verdicts;
`several` is what several runs say together.
"""
