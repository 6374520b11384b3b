"""Doses of a planning system compared: gamma, and histograms structure by structure.

Comes in: two doses, and structures as labels or contours. Goes out: figures, a drawing, an image of gamma.
Open first: `files.py`; `comparison.py` is what is computed.
"""
