"""The page of a prepared cohort: every pair in small pictures, those that stand out first.

Comes in: a prepared cohort. Goes out: `cohort.html`, which opens offline.
Open first: `page.py`.
"""
