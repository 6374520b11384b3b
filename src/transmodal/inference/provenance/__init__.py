"""Provenance: sidecars that bind a synthetic image to what made it, held against the image and the run, and used again.

Comes in: a translation's record, or an image and the JSON file beside it. Goes out: that file, sealed, or its faults.
Open first: `sidecar`, then `checks`; `environment` says on what a network ran.
"""
