"""A trained network in integers of eight bits, held against itself in float32 before it is kept.

Comes in: a run and the cohort that it learned from. Goes out: `int8/` beside its checkpoints, for `--engine int8`.
Open first: `run`, then `graph` for the integers and `loss` for what they may cost.
"""
