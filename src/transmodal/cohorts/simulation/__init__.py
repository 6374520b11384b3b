"""The atlas simulator: anatomy, head, contrasts and acquisition of a virtual subject.

Comes in: a seed and options. Goes out: virtual subjects as cases, or written as data sets are released.
Open first: `atlas.py`, then `releases.py`.
"""
