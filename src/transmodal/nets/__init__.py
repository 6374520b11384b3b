"""Networks and blocks that two papers or more share, and networks that are used but never trained.

Comes in: windows, channels first. Goes out: maps of features, verdicts or synthetic windows.
Open first: `blocks.py`; what one paper alone has lies in `translators/<paper>/`.
"""
