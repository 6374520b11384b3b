"""The memory of this process: what its allocator keeps, and when Python looks for cycles.

Comes in: nothing. Goes out: settings that hold for the process, or for a block.
Open first: `allocator.py`.
"""
