"""A dask cluster that does the work of pools: jobs go to worker processes on this machine or on others.

Comes in: the word of a scheduler, and the work of `parallel.spread`. Goes out: a crew that does it, behind the same seam.
Open first: `crew.py`, the side that asks; `errand.py` is the side of the workers.
"""
