"""The page of a job as a browser draws it, from a service: source and synthetic, under the service's own headers."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import chromium
from served import SOURCE, Served
from transmodal.viewing import niivue


@pytest.fixture
def tab() -> Iterator[chromium.Tab]:
    if not niivue.is_installed():
        pytest.skip("ipyniivue is not installed")
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        chromium.tab(Path(folder)) as running,
    ):
        yield running


def test_a_browser_draws_source_and_synthetic(tab: chromium.Tab, served: Served) -> None:
    job = served.translate(SOURCE.read_bytes())
    tab.show(f"http://{served.host}:{served.port}{job['viewer']}", (600, 500))
    tab.wait("document.body.dataset.state")
    text = tab.ask("document.body.innerText")
    assert tab.ask("document.body.dataset.state") == "ready", text
    assert "SYNTHETIC" in text.upper()
    assert "Not a medical device" in text
    tab.ask(
        "new Promise(done => setTimeout(() => requestAnimationFrame(() => requestAnimationFrame(done)), 60))"
    )
    pixels = tab.pixels("#canvas")
    assert np.ptp(pixels) > 100
    served.ask("DELETE", f"/jobs/{job['id']}")
