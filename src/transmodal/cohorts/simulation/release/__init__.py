"""Parts of released data sets of virtual subjects: what their folders hold, their defects, how they are saved.

Comes in: virtual subjects. Goes out: files as a release has them.
Open first: `contents.py`.
"""
