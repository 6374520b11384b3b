"""MONAI bundles: a run as a folder that `monai.bundle run` executes.

Comes in: a run, the program of its network and its parity. Goes out: configurations, metadata, models and a page.
Open first: `write.py`.
"""
