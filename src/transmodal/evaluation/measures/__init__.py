"""Records of each case beside its metrics: regions, organs, histograms, pictures, disagreement.

In: a synthetic volume, its target and mask. Out: small records that a result keeps.
Open `regional` first: means by region, measured and synthetic. `computable` refuses metrics before any of it.
"""
