"""Training: a recipe and a cohort become a run, whose checkpoints go on to the same weights after a stop.

Comes in: a resolved recipe and a prepared cohort. Goes out: a run folder with checkpoints, curves and pictures.
Open first: `train.py`, then `loop.py` and `step.py`.
"""
