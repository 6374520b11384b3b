"""Figures of anatomy: tissues and labels, overlap of segmentations, doses, water-equivalent path lengths.

In: reference and synthetic arrays with labels, masks or doses. Out: a row of figures per region or structure.
Open `tissue` first: errors of air, soft tissue and bone.
"""
