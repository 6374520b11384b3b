"""Changes of grid, each with its inverse: exact where voxels only move, interpolated where they must be.

Comes in: volumes and grids. Goes out: volumes on other grids, and transforms between them.
Open first: `reorient.py`.
"""
