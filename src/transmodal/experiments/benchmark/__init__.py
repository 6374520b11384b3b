"""Benchmarks: a suite of translators, one cohort, one protocol, and oracles that learn nothing beside them.

Comes in: a suite and a cohort. Goes out: a ranked table per target, and the record of every figure.
Open first: `suite.py`, then `run.py`.
"""
