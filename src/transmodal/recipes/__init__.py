"""Recipes: the YAML of one result, checked key by key before anything is read or trained.

Comes in: a name of the library or a file, and `--set KEY=VALUE`. Goes out: a frozen `Recipe`.
Open first: `schema.py`, then `load.py`; `library/` holds the recipes.
"""
