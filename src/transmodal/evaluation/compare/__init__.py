"""Comparison: several evaluations in one table, if they stand under one protocol.

Comes in: folders of evaluations. Goes out: rows with paired differences, as Markdown, CSV, LaTeX and HTML.
Open first: `compare.py`; `comparability.py` says what may stand together.
"""
