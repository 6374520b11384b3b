"""Studies: what a translation can and cannot know, each asked of runs on one cohort.

Comes in: a study's name, runs or recipes, and a cohort. Goes out: `study.json`, its page and its charts.
Open first: `run.py`, then `record.py`; every study is a module of `studies/`.
"""
