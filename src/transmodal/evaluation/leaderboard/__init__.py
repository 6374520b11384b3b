"""A leaderboard: models of several evaluations ranked by one metric, on the same cases under the same protocol.

Comes in: folders of evaluations, whoever wrote them. Goes out: ranks with intervals, as a page, CSV and JSON, and which of
the figures were taken again. Open first: `ranking.py`.
"""
