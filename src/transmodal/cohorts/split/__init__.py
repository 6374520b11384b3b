"""Splits into cases that train, validate and test, by patient or group; written down and checked for leaks.

Comes in: cases, and tables of their relations. Goes out: a split, or folds of it.
Open first: `split.py`.
"""
