"""Speed of our paths beside what others have: `python -m benchmarks` runs every bench_*.py in this folder.

In: nothing but the machine. Out: a JSON line per file, a table, and with `--record` the figures of docs/performance.md.
Open first `turns.py`, which the files share.
"""
