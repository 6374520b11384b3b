"""Regions of a volume that count: the whole, the body, the brain; computed from the volume alone.

Comes in: a volume. Goes out: a boolean mask on its grid.
Open first: `masks.py`; `template.py` holds the embedded average head.
"""
