"""Every picture of the report opens, and is whole."""

from __future__ import annotations

import base64
import io
import re

from PIL import Image

from transmodal.evaluation.report import page as report
from transmodal.evaluation.result import Evaluation


def test_pictures_are_whole(evaluation: Evaluation) -> None:
    page = report.page(evaluation)
    found = re.findall(r'src="data:image/png;base64,([^"]+)"', page)
    strips, enlarged = 2 + 2 * 4, 2 + 2 * 2
    assert len(found) == len(evaluation.gallery) * (strips + enlarged)
    sizes = [Image.open(io.BytesIO(base64.b64decode(one))).size for one in found[: strips + enlarged]]
    assert len({size for size in sizes if size[0] != size[1]}) == 1
    assert len({size for size in sizes if size[0] == size[1]}) == 1
    assert sum(size[0] == size[1] for size in sizes) == enlarged
    assert page.count("<article") == len(evaluation.gallery)
