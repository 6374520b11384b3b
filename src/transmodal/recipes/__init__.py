"""Recipes: YAML that reproduces a result.

Comes in: a name of the library or a file, and changes by key. Goes out: a `Recipe`, checked.
Open first: `schema.py`, then `load.py`; the translator's own settings are checked by `training.planning`.
"""
