"""Steps between reading and preparation that a data set asks for.

Comes in: a case as it was read. Goes out: the case on one grid, or with its values put right.
Open first: `coregistration.py`; `voxelwise.py` moves no voxel.
"""
