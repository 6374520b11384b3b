"""The page in a real browser, opened from a folder: what it computes, draws, saves and asks for."""

from __future__ import annotations

import re
import tempfile
import time
from base64 import b64decode, b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import nibabel as nib
import numpy as np
import onnxruntime
import pytest

import chromium
import small_pages
from transmodal.inference.model import Model
from transmodal.notice import INTENDED_USE
from transmodal.publishing.network import build_graph
from transmodal.publishing.page import build_page
from transmodal.publishing.plan import UNCHECKED
from transmodal.volumes import io

HEAD = small_pages.head()
SLAB = {"kind": "slab", "axes": ["z"], "depth": 3}
IN_BODY = {"region": "body", "spacing_mm": 2.5}
SIZE = (700, 900)


class Published(NamedTuple):
    model: Model
    page: Path


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Published]:
    """Pages of two models, with the head as their example."""
    small_pages.need_runtime()
    models = {
        "unet_regression": small_pages.model(windows=SLAB, data=IN_BODY),
        "macro2micro": small_pages.model("macro2micro", perceptual_weight=0),
    }
    folder, pages = tmp_path_factory.mktemp("pages"), {}
    for name, model in models.items():
        (folder / f"{name}.html").write_text(build_page(model, {"t1": HEAD}), encoding="utf-8")
        pages[name] = Published(model, folder / f"{name}.html")
    return pages


@pytest.fixture(scope="module")
def tab() -> Iterator[chromium.Tab]:
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        chromium.tab(Path(folder)) as running,
    ):
        yield running


def show(tab: chromium.Tab, page: Path, size: tuple[int, int] = SIZE, *, dark: bool = True) -> None:
    """Open a page and wait until its network is loaded."""
    tab.show(page.as_uri(), size, dark=dark)
    wait(tab, "ready")


def wait(tab: chromium.Tab, *states: str) -> str:
    """Wait for a state of the page; return what it says."""
    known = [*states, "failed"]
    tab.wait(f"{known!r}.includes(document.body.dataset.state)")
    said = str(tab.ask("document.getElementById('state').textContent"))
    assert tab.ask("document.body.dataset.state") in states, said
    return said


def press(tab: chromium.Tab, name: str) -> None:
    tab.click(f"document.getElementById({name!r})")


def choose(tab: chromium.Tab, name: str, entry: str) -> None:
    """Choose an entry of a list by its text."""
    tab.ask(
        f"(list => {{ list.selectedIndex = [...list.options].findIndex(o => o.text === {entry!r}); "
        f"list.dispatchEvent(new Event('change')); }})(document.getElementById({name!r}))"
    )


def text(tab: chromium.Tab, name: str) -> str:
    return str(tab.ask(f"document.getElementById({name!r}).textContent"))


def drawn_levels(tab: chromium.Tab) -> np.ndarray:
    """Return the pixels of the synthetic slice as the page drew them, `(rows, columns)`; -1 where nothing is drawn."""
    width, height, *levels = tab.ask(
        "(canvas => { const {width, height} = canvas; const {data} = canvas.getContext('2d').getImageData(0, 0, width, height); "
        "return [width, height, ...Array.from({length: width * height}, (_, n) => data[4 * n + 3] ? data[4 * n] : -1)]; })"
        "(document.getElementById('synthetic'))"
    )
    return np.array(levels).reshape(height, width)


@pytest.mark.parametrize("name", ["unet_regression", "macro2micro"])
def test_the_numbers_are_the_librarys_and_nothing_is_asked_for(
    name: str, published: dict[str, Published], tab: chromium.Tab, tmp_path: Path
) -> None:
    model, page = published[name]
    show(tab, page)
    check_network(model, tab)
    press(tab, "example")
    wait(tab, "open")
    press(tab, "whole")
    assert "slices in" in wait(tab, "done")
    path = save(tab, tmp_path)
    expected = model.translate(HEAD, gate="off").volume
    volume = io.read(path)
    assert np.ptp(expected.voxels) > 1e-3
    np.testing.assert_allclose(volume.voxels, expected.voxels, atol=1e-5)
    np.testing.assert_allclose(volume.affine, expected.affine, atol=1e-5)
    assert bytes(nib.load(path).header["descrip"]).startswith(b"SYNTHETIC fa, transmodal")
    assert tab.complaints == []
    assert tab.fetched[0].startswith("file:")
    assert [url for url in tab.fetched[1:] if url[:5] not in ("blob:", "data:")] == []


def check_network(model: Model, tab: chromium.Tab) -> None:
    """Compare what the page makes of a window with what onnxruntime makes of it."""
    channels = model.translator.config.in_channels
    source = np.random.default_rng(3).uniform(-1, 1, (1, channels, 48, 40)).astype(np.float32)
    session = onnxruntime.InferenceSession(build_graph(model).content, providers=["CPUExecutionProvider"])
    (expected,) = session.run(None, {"source": source})
    answer = tab.ask(f"published.infer({source.ravel().tolist()}, {list(source.shape)})")
    assert np.ptp(expected) > 1e-3
    # Of the range that networks work in, -1 to 1.
    assert np.abs(np.array(answer) - expected.ravel()).max() <= 1e-6 * 2


def save(tab: chromium.Tab, folder: Path) -> Path:
    """Save the volume as a user would; return its file."""
    tab.download_to(folder)
    press(tab, "save")
    path, end = folder / "synthetic_fa.nii.gz", time.monotonic() + 120
    while not path.exists():
        assert time.monotonic() < end, list(folder.iterdir())
        time.sleep(0.02)
    return path


def test_a_browser_that_computes_otherwise_is_not_used(
    published: dict[str, Published], tab: chromium.Tab, tmp_path: Path
) -> None:
    page = published["macro2micro"].page.read_text(encoding="utf-8")
    block = re.search(r'id="probe">([^<]*)<', page)
    assert block is not None
    numbers = np.frombuffer(b64decode(block[1]), np.float32).copy()
    numbers[-1] += 1
    (tmp_path / "page.html").write_text(page.replace(block[1], b64encode(numbers.tobytes()).decode()))
    tab.show((tmp_path / "page.html").as_uri(), SIZE)
    tab.wait("document.body.dataset.state !== 'loading'")
    assert tab.ask("document.body.dataset.state") == "failed"
    assert "otherwise than torch" in text(tab, "state")


def test_the_slice_under_the_crosshair_is_translated_as_one_goes(
    published: dict[str, Published], tab: chromium.Tab
) -> None:
    model, page = published["macro2micro"]
    show(tab, page)
    assert text(tab, "speed") == ""
    press(tab, "example")
    wait(tab, "open")
    expected = model.translate(HEAD, gate="off").volume
    flipped = expected.voxels[:, ::-1] if expected.affine[1, 1] > 0 else expected.voxels
    for index in (HEAD.voxels.shape[2] // 2, HEAD.voxels.shape[2] // 2 + 1):
        tab.wait(f"document.getElementById('number').textContent === '{index + 1} of {HEAD.voxels.shape[2]}'")
        tab.wait("document.getElementById('value').textContent")
        levels = drawn_levels(tab)
        # The patient's right on the left, where this head's first voxels are not: they run from right to left.
        plane = flipped[..., index] if expected.affine[0, 0] < 0 else flipped[::-1, :, index]
        np.testing.assert_allclose(levels, 255 * np.clip(plane, 0, 1).T, atol=1)
        assert np.ptp(levels) > 0
        tab.ask("document.activeElement.blur()")
        tab.press("PageUp")
    assert "slices/s" in text(tab, "speed")


def test_a_file_is_taken_and_what_it_lacks_is_said(
    published: dict[str, Published], tab: chromium.Tab, tmp_path: Path
) -> None:
    _, page = published["unet_regression"]
    io.write(HEAD, tmp_path / "t1.nii.gz")
    io.write(HEAD.with_voxels((HEAD.voxels > 60).astype(np.uint8)), tmp_path / "mask.nii")
    (tmp_path / "cut.nii").write_bytes((tmp_path / "mask.nii").read_bytes()[:3000])
    show(tab, page)
    source, mask = "document.getElementById('file-0')", "document.getElementById('mask')"
    assert tab.ask(f"{mask}.offsetWidth") == 0
    tab.upload(source, tmp_path / "t1.nii.gz")
    wait(tab, "open")
    assert text(tab, "differences") == UNCHECKED  # the body is found as the library finds it
    choose(tab, "region", "a mask of the body")
    tab.wait("document.getElementById('state').textContent.startsWith('Choose a mask')")
    assert tab.ask(f"{mask}.offsetWidth") > 0
    tab.upload(mask, tmp_path / "mask.nii")
    assert "28 x 30 x 12 voxels, translated on a grid of" in wait(tab, "open")
    assert "here your mask counts" in text(tab, "differences")
    tab.upload(source, tmp_path / "cut.nii")
    tab.wait("document.body.dataset.state === 'failed'")
    assert text(tab, "state") == "the file ends before its last voxel"
    assert tab.ask("document.getElementById('whole').disabled")
    assert (
        np.ptp(tab.pixels("#synthetic")) == np.ptp(tab.pixels("#source")) == 0
    )  # the case before is not this file's
    assert text(tab, "differences") == text(tab, "value") == ""
    gone = tmp_path / "gone.nii"
    gone.write_bytes((tmp_path / "mask.nii").read_bytes())
    tab.upload(mask, gone)
    gone.unlink()
    tab.upload(source, tmp_path / "t1.nii.gz")
    tab.wait("document.getElementById('state').textContent.includes('could not be found')")


def test_a_first_image_is_shown_without_a_mask_and_one_of_another_kind_is_doubted(
    tab: chromium.Tab, tmp_path: Path
) -> None:
    small_pages.need_runtime()
    page = tmp_path / "brain.html"
    page.write_text(
        build_page(small_pages.model(data={"region": "brain"}, sources=("mr",))), encoding="utf-8"
    )
    io.write(HEAD, tmp_path / "t1.nii")
    io.write(HEAD.with_voxels((HEAD.voxels - 1000).astype(np.int16)), tmp_path / "ct.nii")
    show(tab, page)
    source = "document.getElementById('file-0')"
    tab.upload(source, tmp_path / "t1.nii")
    wait(tab, "open")
    assert "all that is not 0 counts" in text(tab, "differences")
    assert np.ptp(tab.pixels("#source")) > 0
    press(tab, "whole")
    tab.upload(source, tmp_path / "ct.nii")
    tab.wait("document.getElementById('differences').textContent.includes('as CT does')")
    assert tab.ask("document.getElementById('stop').hidden && !document.getElementById('whole').disabled")


def test_a_telephone_shows_all_of_it_in_light_and_dark(
    published: dict[str, Published], tab: chromium.Tab
) -> None:
    papers = []
    show(tab, published["unet_regression"].page, (360, 740))
    press(tab, "example")
    wait(tab, "open")
    for dark in (True, False):
        tab.prefer(dark=dark)
        assert tab.ask("document.documentElement.scrollWidth") <= 360
        assert INTENDED_USE in text(tab, "notice")
        pixels = tab.pixels("#notice")
        assert pixels.std() > 5  # words
        papers.append(pixels[0, 0].mean())
    assert papers[0] < 60 < 200 < papers[1]
    for size in ((360, 740), (1300, 500)):
        tab.resize(size)
        box = tab.ask(
            "(({width, height}) => [width, height])(document.getElementById('synthetic').getBoundingClientRect())"
        )
        shape, spacing = HEAD.voxels.shape, HEAD.spacing
        assert box[0] / box[1] == pytest.approx(shape[0] * spacing[0] / (shape[1] * spacing[1]), rel=0.03)
        assert box[1] <= 0.67 * size[1]


ON_GPU = ("--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader", "--enable-features=Vulkan")


def test_a_page_with_webgpu_takes_it_where_there_is_one_and_else_goes_on_without(
    tab: chromium.Tab, tmp_path: Path
) -> None:
    small_pages.need_runtime()
    model, page = small_pages.model("macro2micro", perceptual_weight=0), tmp_path / "page.html"
    page.write_text(build_page(model, {"t1": HEAD}, ("gpu", "cpu")), encoding="utf-8")
    show(tab, page)
    assert "one window by WebAssembly" in text(tab, "about")
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        chromium.tab(Path(folder), ON_GPU) as other,
    ):
        show(other, page)
        if not other.ask("navigator.gpu?.requestAdapter().then(Boolean)"):
            pytest.skip("this Chromium has no WebGPU, not even in software")
        assert "one window by WebGPU" in text(other, "about")
        check_network(model, other)
        assert [url for url in other.fetched[1:] if url[:5] not in ("blob:", "data:")] == []
