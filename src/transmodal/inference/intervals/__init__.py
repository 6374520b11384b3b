"""Intervals: between which values a measured volume lies, as far as subjects that a run has not learned from tell.

Comes in: a run's calibration and a translation. Goes out: its lower and upper volume, and what they promise. Open first:
`conformal`, then `calibration`; `evaluation.calibrate` makes one.
"""
