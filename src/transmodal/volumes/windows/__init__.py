"""Windows: slices, slabs and patches out of a volume and back; training and inference cut alike.

Comes in: a volume's array and how to cut it. Goes out: windows, and the volume stitched from them again.
Open first: `spec.py`, then `cut.py` and `stitcher.py`.
"""
