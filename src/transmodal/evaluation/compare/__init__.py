"""Comparison: several evaluations in one table, if they stand under one protocol.

Comes in: folders of evaluations. Goes out: rows with paired differences, as Markdown, CSV, LaTeX and HTML.
Open first: `write.py`, the door, and `compare.py`; `comparability.py` refuses what must not stand together.
"""
