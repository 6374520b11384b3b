"""Experiments: several trainings that say something together.

Comes in: a design (rows of recipes, seeds) and a cohort. Goes out: runs, their evaluations and one table.
Open first: `design.py` and `trial.py`; suites are in `benchmark/`, ablations in `ablation/`, the demo in `demo.py`.
"""
