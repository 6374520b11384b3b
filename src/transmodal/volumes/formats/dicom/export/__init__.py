"""Synthetic volumes as DICOM objects: whose they are, where they come from, and what of that may leave the house.

Comes in: the series that a volume was made from. Goes out: the elements that its own series gets.
Open first: `origin.py`; `deidentification.py` takes out of them what could be of a patient.
"""
