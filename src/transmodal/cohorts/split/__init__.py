"""Splits: who trains, who validates and who tests, by patient or group; written down and checked for leaks.

Comes in: cases and what tables say of them. Goes out: a split, or folds of it.
Open first: `split.py`.
"""
