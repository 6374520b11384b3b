"""The report: one HTML file that opens offline, and the same figures as Markdown and LaTeX.

Comes in: a result. Goes out: `report.html` and tables.
Open first: `page.py`.
"""
