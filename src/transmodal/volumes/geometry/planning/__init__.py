"""Geometry of treatment planning: grids that planning systems take, and contours as masks.

Comes in: grids and polygons. Goes out: grids and masks.
Open first: `grid.py`.
"""
