"""The quality of a cohort's images: pairs that do not fit, copies, and sources unlike those of training.

Comes in: pairs, cases and whole cohorts. Goes out: doubtful pairs, near-duplicates, findings against a source.
Open first: `pairs.py`.
"""
