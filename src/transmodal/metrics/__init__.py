"""Figures on numpy arrays, each with its unit, its direction and its protocol; no torch.

In: a measured reference and a synthetic volume of one shape, a mask, labels. Out: numbers, and rows of a table.
Open `registry` first: it lists the metrics that evaluations take by name; `measure` takes them.
"""
