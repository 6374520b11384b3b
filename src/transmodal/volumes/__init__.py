"""Volumes: voxels with their place in space, and how they are read, changed and written."""

from transmodal.volumes.volume import Grid, Volume

__all__ = ["Grid", "Volume"]
