"""A service over HTTP that translates uploaded volumes with trained runs, safe from its network.

Comes in: models by name, limits, and requests. Goes out: jobs, their volumes with sidecars, a viewer's page, and errors
that carry this package's codes. Open first: `routes.py`; `guard.py` is what stands before it, `worker.py` what computes.
"""
