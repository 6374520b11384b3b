"""Arrays in files: written whole, read by memory mapping, compared with their hashes.

Comes in: numpy arrays and paths. Goes out: .npy files, and arrays that are known to be what was written.
Open first: `npy.py`, then `verified.py` for what is compared at first touch and `kept.py` for what can be made again.
"""
