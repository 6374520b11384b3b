"""Statistics over patients: descriptions, intervals, paired tests, agreement.

Comes in: figures per patient. Goes out: what a table may say of them.
Open first: `paired_tests.py`.
"""
