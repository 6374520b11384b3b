"""Volumes that another program made, scored as a run is: matched to cases, placed on their grid, checked, translated.

Comes in: folders of volumes and the cases of a cohort. Goes out: translators that read them, with their records and notes.
Open first: `predicted.py`.
"""
