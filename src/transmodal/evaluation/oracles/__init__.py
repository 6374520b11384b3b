"""Oracles: baselines that need no learning of images, fitted on the training split and scored beside every model.

Comes in: training cases and a model's preprocessing. Goes out: an oracle that translates prepared cases. Open first:
`fit.py`.
"""
