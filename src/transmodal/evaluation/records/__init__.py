"""Evaluations on the disk: what is written, read again, and taken once more.

Comes in: a folder of an evaluation. Goes out: its figures, its volumes by hash, what is needed to check both.
Open first: `read.py`.
"""
