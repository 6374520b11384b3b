"""Experiments: several trainings that say something together.

Comes in: a plan of recipes, seeds and a cohort. Goes out: runs, their evaluations and one table.
Open first: `series.py`; suites are in `benchmark/`, ablations in `studies/`.
"""
