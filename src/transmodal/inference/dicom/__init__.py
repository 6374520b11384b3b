"""Synthetic volumes as DICOM: identity and description of series and parametric maps, and the grid that they lie on.

Comes in: a translation, and the series that it was made from. Goes out: a folder of files that say what they are.
Open first: `series.py`.
"""
