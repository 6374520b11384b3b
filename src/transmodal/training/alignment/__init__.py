"""Alignment: training that copes with pairs that do not lie upon one another, whatever the translator.

Comes in: a batch, before its losses are taken. Goes out: the batch with its targets bent, and one term more.
Open first: `registrar.py`, the registration head; `structure.py` holds synthetic images to their sources.
"""
