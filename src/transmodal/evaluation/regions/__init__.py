"""Regions of a cohort of synthetic and measured images: a table per region and case, and group tests, as a BIDS derivative.

Comes in: images, label maps and a table of participants. Goes out: TSV tables with their sidecars in a derivative dataset.
Open first: `run.py`, then `table.py` and `group_test.py`.
"""
