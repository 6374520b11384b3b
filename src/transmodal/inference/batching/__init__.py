"""Windows through a network in batches: how many at a time, and smaller ones where memory does not suffice.

Comes in: windows and a network. Goes out: what the network makes of them, the same whatever the batch.
Open first: `batches.py`.
"""
