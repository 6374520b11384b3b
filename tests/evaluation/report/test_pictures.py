"""Every picture of the report opens, and is whole."""

from __future__ import annotations

import base64
import io
import re
from dataclasses import replace
from pathlib import Path

from PIL import Image

from transmodal.evaluation.report import page as report
from transmodal.evaluation.result import Evaluation
from transmodal.viewing.folder import ViewerFolder


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


def test_a_card_leads_to_the_viewer_where_its_case_has_a_page(evaluation: Evaluation, tmp_path: Path) -> None:
    assert "--viewer adds a page for every case" in report.page(evaluation)
    viewer = ViewerFolder(tmp_path)
    viewer.addresses[evaluation.gallery[0].case] = "viewer/0001-a.html"
    page = report.page(replace(evaluation, viewer=viewer))
    assert len(evaluation.gallery) > 1
    assert page.count("open in the viewer") == page.count('href="viewer/0001-a.html">open in the viewer') == 1
    assert "--viewer adds a page" not in page
