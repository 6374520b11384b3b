"""Image file formats, one file each: NIfTI, MetaImage and pictures, and DICOM in a room of its own.

Comes in: paths. Goes out: voxels in real-world values with their affine, or files written from them.
Open first: `nifti.py`; the door that chooses a format is `transmodal.volumes.io`.
"""
