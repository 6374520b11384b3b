"""DICOM: series of slices and RT Dose, read strictly, and series written.

Comes in: folders of DICOM files. Goes out: a volume in real-world values, or a series marked as synthetic.
Open first: `series.py`; `headers.py` is the one reader of files.
"""
