"""Pictures, charts, tables and pages as text and bytes; nothing here knows what an evaluation is.

Comes in: arrays and cells. Goes out: PNG, SVG, HTML, Markdown and LaTeX.
Open first: `figures.py` for volumes, `html.py` for pages.
"""
