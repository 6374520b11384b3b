"""Evaluation: trained runs and oracles translate a split's cases, are scored under one protocol and reported.

Comes in: runs and a prepared cohort. Goes out: rows of figures, `evaluation.json`, `report.html`, comparisons.
Open first: `run.py`, then `score.py`; a room each for records, statistics, comparison and report.
"""
