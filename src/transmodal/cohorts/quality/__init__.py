"""What a cohort's images look like, and which of them to look at again.

Comes in: pairs, cases and whole cohorts. Goes out: doubtful pairs, near-duplicates, what training sources looked like.
Open first: `pairs.py`.
"""
