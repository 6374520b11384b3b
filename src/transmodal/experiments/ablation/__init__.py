"""Ablations: a recipe with one idea switched off at a time, over several seeds, on one cohort.

Comes in: a plan of variants and a cohort. Goes out: their figures and one table.
Open first: `plan.py`, then `run.py`.
"""
