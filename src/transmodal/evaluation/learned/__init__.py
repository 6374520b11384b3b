"""Metrics that a network measures, from weights that the user gives: LPIPS, DISTS, FID, KID, Dice by a segmenter.

In: pairs of volumes and a path of weights. Out: figures of a case or of a whole split.
Open `choose` first, then `base`.
"""
