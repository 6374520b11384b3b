"""Evaluation without pairs: how sources return, and how alike the slices of two sets are.

Comes in: runs and a prepared cohort, no synthetic volume with a target of its own patient. Goes out: unpaired.json and
unpaired.html. Open first: `evaluate.py`.
"""
