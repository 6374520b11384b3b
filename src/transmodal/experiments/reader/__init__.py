"""Reader studies: people look at real and synthetic pictures without knowing which, and what they saw is counted.

Comes in: a cohort with its evaluations or folders of predictions. Goes out: a blinded session, a page on this machine that
takes answers by keys, and a record with its page, tables and intervals. Open first: `make.py`, then `score.py`.
"""
