"""Prepared cohorts made from prepared cohorts, without preparing anything again.

Comes in: cohorts' folders. Goes out: a merged cohort, or the same one under another split.
Open first: `merge.py`.
"""
