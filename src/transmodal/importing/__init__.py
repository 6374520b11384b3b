"""Imports: a model that another program trained becomes a run.

Comes in: a file of weights and what no file says: modalities and intensities. Goes out: a run's folder that every verb
takes. Open first: `image_translation`.
"""
