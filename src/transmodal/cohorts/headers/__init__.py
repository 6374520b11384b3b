"""Facts about an image that stand beside its voxels: DICOM headers, BIDS names, the words of a description.

Comes in: headers and names. Goes out: a modality, or why there is none.
Open first: `dicom_series.py`, then `mr_label.py` and `ct_label.py`.
"""
