"""Volumes: voxels with their place in space, and how they are read, changed and written.

Comes in: image files. Goes out: a `Volume` (voxels and affine), its windows, and files again.
Open first: `volume.py`, `io.py` and `intensity.py`; a room each for formats, geometry, regions and windows.
"""

from transmodal.volumes.volume import Grid, Volume

__all__ = ["Grid", "Volume"]
