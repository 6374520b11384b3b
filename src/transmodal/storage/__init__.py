"""Storage: files and folders as they are read and written, whatever is in them.

Comes in: paths, bytes, text, JSON and arrays. Goes out: files that are whole or not there, and their hashes.
Open first: `files.py`, then `streams.py` for reading under a budget, and `arrays` for volumes of prepared cohorts.
"""
