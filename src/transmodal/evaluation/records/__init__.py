"""Evaluations on the disk: the format of their file, reading it again, and the stored volumes.

Comes in: a folder of an evaluation. Goes out: its figures, its volumes by hash, everything that a check of both needs.
Open first: `schema.py`.
"""
