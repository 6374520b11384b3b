"""Metrics that a network takes, from weights that the user gives: LPIPS, FID, KID, Dice by a segmenter.

Comes in: pairs of volumes and a path of weights. Goes out: figures of a case or of a whole split.
Open first: `choose.py`, then `base.py`.
"""
