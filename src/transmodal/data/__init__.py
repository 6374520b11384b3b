"""Data: windows of prepared cases as torch batches, whose draws follow from seed, phase, epoch and step alone.

Comes in: a `Stream` of prepared cases with their intensity maps. Goes out: `Batch`es, with stored features if asked.
Open first: `stream.py`, then `dataset.py` and `loader.py`.
"""
