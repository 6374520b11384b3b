"""Preparation: cases in, a cohort's folder out; checked, oriented, hashed, split, resumable.

Comes in: the cases that a layout lists. Goes out: a prepared cohort on the disk.
Open first: `prepare.py`, then `write_case.py`.
"""
