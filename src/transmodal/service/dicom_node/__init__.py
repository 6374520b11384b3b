"""A DICOM node: receives series, translates them by rule and sends what is synthetic on to one research node.

Comes in: instances by C-STORE, and a file of rules. Goes out: synthetic series by C-STORE, and lines of a log.
Open first: `node.py`, then `queue.py`, which keeps what has to survive a kill, and `rules.py`.
"""
