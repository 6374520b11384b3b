"""Planning: a recipe and a cohort brought together, and refused where they do not fit, before anything is trained.

Comes in: a resolved recipe and a prepared cohort. Goes out: a `Plan`, which holds no tensor.
Open first: `plan.py`.
"""
