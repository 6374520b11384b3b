"""A written evaluation taken once more: every figure again, from the stored volumes and the cohort.

Comes in: a folder of an evaluation with its volumes, and its cohort. Goes out: how many figures agree; what was changed
is refused. Open first: `check.py`.
"""
