"""What is taken of each case beside its figures: regions, organs, histograms, pictures, disagreement.

Comes in: a synthetic volume, its target and mask. Goes out: small records that a result keeps.
Open first: `regional.py`.
"""
