"""The cards' pictures open and are small, and names from data are escaped."""

from __future__ import annotations

import base64
import io as bytes_io
import re

from PIL import Image

from transmodal.cohorts.store import Cohort
from transmodal.evaluation.cohort_report.summary import BINS


def test_pictures_open_and_are_small(cohort: Cohort, text: str) -> None:
    pictures = re.findall(r"data:image/(\w+);base64,([^\"]+)", text)
    sizes = set()
    for kind, data in pictures:
        with Image.open(bytes_io.BytesIO(base64.b64decode(data))) as image:
            image.load()
            assert (image.format or "").lower() == kind
            sizes.add(image.size)
    assert len(pictures) == len(cohort.manifest.cases) * (
        2 + 2 + 1
    )  # each contrast with its outline, and the joint histogram
    assert (BINS, BINS) in sizes
    assert len(text) < 30_000 * len(cohort.manifest.cases) + 20_000


def test_names_from_data_are_escaped(text: str) -> None:
    assert "<b>p" not in text
    assert "&lt;b&gt;p0&lt;/b&gt;" in text
