"""The metrics of a pair of volumes that evaluations take by name, one file per family.

In: reference and synthetic arrays, a data range, a mask. Out: one number, and what of the slices was left out.
Open `voxels` first: mean absolute error and PSNR. A new metric is one file here and its test.
"""
