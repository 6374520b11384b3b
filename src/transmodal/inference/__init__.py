"""Inference: from a source volume to a synthetic volume on the source's own grid.

Comes in: a run's folder and source volumes. Goes out: a `Translation`, which writes volume and sidecar. Open first:
`load`, then `model`; the way through a network is `preprocessing`, `synthesis` and `engines`.
"""
