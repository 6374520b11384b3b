"""Forecast of a training: how long it takes, by a few of its own steps, and what it needs of memory and disk.

Comes in: a plan. Goes out: a `Forecast`, in lines and as JSON; nothing is left behind.
Open first: `forecast.py`.
"""
