"""Cohorts: cases of patients, prepared once and opened from then on.

Comes in: data as they are released or exported. Goes out: a folder with one array per modality, a manifest, a split.
Open first: `case.py`, `manifest.py` and `store.py`; then `layouts/` for what is read and `prepare/` for how.
"""
