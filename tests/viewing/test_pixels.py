"""The viewer as a browser draws it: what is asserted are pixels, keys and requests, never that a page was sent."""

from __future__ import annotations

import re
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import chromium
from transmodal.viewing.layers import Layer, difference
from transmodal.viewing.page import Scene, parts, single_file
from transmodal.viewing.server import PageServer
from transmodal.volumes import Volume

SIZE = (600, 500)
AFFINE = np.array([[4.0, 0, 0, -64], [0, 4.0, 0, -64], [0, 0, 4.0, -64], [0, 0, 0, 1]])
X, Y, Z = np.meshgrid(*[np.arange(32)] * 3, indexing="ij")
HEAD = ((X - 15.5) ** 2 + (Y - 15.5) ** 2 + (Z - 15.5) ** 2) < 14**2
CT = np.where(HEAD, 40 + 4 * X, -1000).astype(np.int16)


def layer(
    name: str,
    voxels: NDArray[np.generic],
    modality: str = "ct",
    affine: NDArray[np.float64] = AFFINE,
    **about: bool,
) -> Layer:
    return Layer(name, Volume(voxels, affine), modality, **about)


@pytest.fixture(scope="module")
def tab() -> Iterator[chromium.Tab]:
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        chromium.tab(Path(folder)) as running,
    ):
        yield running


def show(
    tab: chromium.Tab, folder: Path, layers: list[Layer], size: tuple[int, int] = SIZE, *, dark: bool = True
) -> NDArray[np.int16]:
    """Open layers as one file and return the pixels of the canvas."""
    (folder / "page.html").write_text(
        single_file(Scene(layers[0].name, layers), 10_000_000), encoding="utf-8"
    )
    tab.show((folder / "page.html").as_uri(), size, dark=dark)
    return ready(tab)


def ready(tab: chromium.Tab) -> NDArray[np.int16]:
    tab.wait("document.body.dataset.state")
    assert tab.ask("document.body.dataset.state") == "ready", tab.ask("document.body.innerText")
    return drawn(tab)


def drawn(tab: chromium.Tab) -> NDArray[np.int16]:
    """Return the pixels of the canvas once the page has drawn what was asked for."""
    tab.ask(
        "new Promise(done => setTimeout(() => requestAnimationFrame(() => requestAnimationFrame(done)), 60))"
    )
    return tab.pixels("#canvas")


def change(tab: chromium.Tab, control: str, text: str) -> NDArray[np.int16]:
    """Choose an entry of a list by its text."""
    tab.ask(
        f"(list => {{ list.selectedIndex = [...list.options].findIndex(o => o.text === {text!r}); "
        f"list.dispatchEvent(new Event('change')); }})(document.getElementById({control!r}))"
    )
    return drawn(tab)


def views(pixels: NDArray[np.int16]) -> list[NDArray[np.int16]]:
    """Return axial, coronal, sagittal plane and rendering, which stand side by side on a canvas as wide as this."""
    assert pixels.shape[1] > 1.5 * pixels.shape[0]
    return np.array_split(pixels, 4, 1)


def is_blank(pixels: NDArray[np.int16]) -> bool:
    """Tell whether next to nothing but background and crosshair is there."""
    grey = pixels[(np.ptp(pixels, axis=-1) < 12) & (pixels.mean(axis=-1) > 25)]
    return len(grey) < 0.05 * pixels.shape[0] * pixels.shape[1]


def is_near(first: NDArray[np.int16], second: NDArray[np.int16]) -> bool:
    """Tell whether two canvases, whose heights may differ by a line of text, show the same in the axial plane."""
    rows = min(len(first), len(second))
    centres = [pixels[(len(pixels) - rows) // 2 :][:rows] for pixels in (first, second)]
    return bool(np.abs(centres[0] - centres[1]).mean() < 2)


def test_three_planes_and_the_rendering_are_drawn_and_the_file_asks_for_nothing(
    tab: chromium.Tab, tmp_path: Path
) -> None:
    pixels = show(tab, tmp_path, [layer("<img src=x onerror=alert(1)>", CT)])
    assert [is_blank(part) for part in views(pixels)] == [False] * 4
    assert tab.complaints == []
    assert [url[:5] for url in tab.fetched if not url.startswith("data:")] == ["file:"]
    assert tab.ask("document.images.length") == 0
    assert "104 HU" in tab.ask("document.getElementById('place').innerText")


def test_keys_move_the_crosshair_and_change_the_layout(tab: chromium.Tab, tmp_path: Path) -> None:
    before = show(tab, tmp_path, [layer("a", CT)])
    tab.press("ArrowLeft")  # towards the patient's right, which is on the left
    assert "108 HU" in tab.ask("document.getElementById('place').innerText")
    moved = drawn(tab)
    assert (moved != before).any()
    tab.press("+")
    assert not np.array_equal(drawn(tab), moved)
    tab.press("v")
    assert tab.ask("document.getElementById('layout').selectedOptions[0].text") == "axial"
    assert not is_blank(drawn(tab))
    tab.press("?")
    assert tab.ask("document.getElementById('help').open")


def test_two_volumes_stand_side_by_side_at_one_place(tab: chromium.Tab, tmp_path: Path) -> None:
    alone = show(tab, tmp_path, [layer("a", CT), layer("b", CT[::-1].copy())], (1000, 500))
    tab.press("b")
    tab.wait(
        "!document.getElementById('twin').hidden && /b\\s+100 HU/.test(document.getElementById('place').innerText)"
    )
    left, right = drawn(tab), tab.pixels("#twin")
    assert abs(left.shape[1] - alone.shape[1] / 2) < 2
    assert not is_blank(left)
    assert not is_blank(right)
    assert "104 HU" in tab.ask("document.getElementById('place').innerText")
    tab.press("ArrowLeft")
    assert re.search(r"a\s+108 HU\s+b\s+96 HU", tab.ask("document.getElementById('place').innerText"))
    drawn(tab)
    assert (tab.pixels("#twin") != right).any()
    tab.press("b")
    tab.wait("document.getElementById('twin').hidden")
    assert drawn(tab).shape == alone.shape
    assert not tab.complaints


def test_the_key_of_overlays_goes_past_the_volume_itself(tab: chromium.Tab, tmp_path: Path) -> None:
    show(tab, tmp_path, [layer("a", CT), layer("b", CT[::-1].copy())])
    names = []
    for _ in range(2):
        tab.press("o")
        names.append(tab.ask("document.getElementById('over').selectedOptions[0].text"))
    assert names == ["b", "nothing"]


def place(tab: chromium.Tab) -> str:
    return str(tab.ask("document.getElementById('place').innerText.replace(/\\s+/g, ' ')"))


def test_the_crosshair_stays_at_its_place_in_a_volume_that_lies_otherwise(
    tab: chromium.Tab, tmp_path: Path
) -> None:
    turned = np.eye(4)
    turned[:2, :2] = [[0.8, -0.6], [0.6, 0.8]]
    show(tab, tmp_path, [layer("a", CT), layer("b", CT, affine=turned @ AFFINE)])
    before = place(tab).split(" mm")[0]
    tab.press("2")
    tab.wait("/b/.test(document.getElementById('place').innerText)")
    assert place(tab).split(" mm")[0] == before
    tab.press("b")
    tab.wait("/b.*a/s.test(document.getElementById('place').innerText)")
    assert place(tab).split(" mm")[0] == before


def test_a_volume_that_lies_over_another_changes_places_with_it(tab: chromium.Tab, tmp_path: Path) -> None:
    show(tab, tmp_path, [layer("a", CT), layer("b", CT[::-1].copy())])
    tab.press("o")
    tab.press("2")
    names = [
        tab.ask(f"document.getElementById({control!r}).selectedOptions[0].text")
        for control in ("base", "over")
    ]
    assert names == ["b", "a"]
    assert change(tab, "over", "b").size
    assert tab.ask("document.getElementById('over').selectedOptions[0].text") == "nothing"


def test_keys_go_on_after_a_press_of_the_mouse_and_cut_no_rendering(
    tab: chromium.Tab, tmp_path: Path
) -> None:
    show(tab, tmp_path, [layer("a", CT), layer("b", CT)])
    tab.click("document.getElementById('beside')")
    tab.wait("!document.getElementById('twin').hidden")
    assert tab.ask("document.activeElement.id") == "canvas"
    tab.press("v")
    assert tab.ask("document.getElementById('layout').selectedOptions[0].text") == "axial"
    for _ in range(3):
        tab.press("v")
    whole = drawn(tab)
    tab.press("Shift")
    assert np.array_equal(drawn(tab), whole)


def test_windows_and_overlays_change_pixels_and_opacity_takes_them_back(
    tab: chromium.Tab, tmp_path: Path
) -> None:
    hot = layer("hot", np.where(HEAD & (X > 16), 900, -1000).astype(np.int16))
    show(tab, tmp_path, [layer("a", CT), hot])
    assert tab.ask("document.getElementById('window').selectedOptions[0].text") == "whole range"
    brain, bone = (change(tab, "window", name) for name in ("brain", "bone"))
    assert tab.ask("[low.value, high.value].join()") == "-500,1300"
    assert brain.mean() > bone.mean() + 20
    over = change(tab, "over", "hot")
    assert np.abs(over[: len(bone)] - bone[: len(over)]).max() > 60
    for _ in range(10):
        tab.press("[")
    faded = drawn(tab)
    alone = change(tab, "over", "nothing")
    assert is_near(faded, alone)
    assert not is_near(over, alone)


def test_the_difference_of_equal_volumes_is_flat_and_of_others_is_not(
    tab: chromium.Tab, tmp_path: Path
) -> None:
    equal = [layer("a", CT), layer("b", CT.copy(), is_synthetic=True)]
    show(tab, tmp_path, [*equal, difference(equal)])
    change(tab, "base", "b minus a")
    planes = change(tab, "over", "nothing")
    coloured = np.ptp(planes, axis=-1) > 40
    assert planes[~coloured].max() < 200  # nothing but the crosshair and the letters
    shifted = [layer("a", CT), layer("b", np.where(HEAD, CT + 60, CT).astype(np.int16), is_synthetic=True)]
    show(tab, tmp_path, [*shifted, difference(shifted)])
    change(tab, "base", "b minus a")
    warm = change(tab, "over", "nothing")
    assert ((warm[..., 0] > 200) & (warm[..., 2] < warm[..., 0])).mean() > 0.1
    assert not ((planes[..., 0] > 200) & (planes[..., 2] < planes[..., 0])).any()


def test_a_spread_lies_over_its_volume_in_warm_colours(tab: chromium.Tab, tmp_path: Path) -> None:
    doubt = np.where(HEAD & (Z > 16), 30, 0).astype(np.float32)
    spread = Layer("spread", Volume(doubt, AFFINE), "ct", "spread", True)
    show(tab, tmp_path, [layer("a", CT), spread])
    coronal = views(change(tab, "over", "spread"))[1]
    upper, lower = np.array_split((coronal[..., 0] > coronal[..., 2] + 60).sum(axis=1), 2)
    assert upper.sum() > 500
    assert upper.sum() > 10 * lower.sum()
    assert tab.ask("document.getElementById('marks').innerText") == "SYNTHETIC"


def test_colour_is_shown_in_its_colours(tab: chromium.Tab, tmp_path: Path) -> None:
    red = np.zeros((*HEAD.shape, 3), np.uint8)
    red[HEAD] = (220, 30, 10)
    red[17, 16, 16] = (200, 40, 20)
    pixels = show(tab, tmp_path, [layer("red", red, "colour")])
    assert ((pixels[..., 0] > 150) & (pixels[..., 1] < 80)).mean() > 0.1
    assert "220, 30, 10" in tab.ask("document.getElementById('place').innerText")
    tab.press("ArrowLeft")
    assert "200, 40, 20" in tab.ask("document.getElementById('place').innerText")


@pytest.mark.parametrize("signs", [(1, 1, 1), (-1, -1, 1), (-1, 1, -1)])
def test_the_patients_right_is_on_the_left_however_the_file_lies(
    signs: tuple[int, int, int], tab: chromium.Tab, tmp_path: Path
) -> None:
    bright = np.where(HEAD & (X > 18), 900, np.where(HEAD, 0, -1000)).astype(np.int16)  # +x is the right
    flips = np.diag([*signs, 1]).astype(float)
    for axis, sign in enumerate(signs):
        if sign < 0:
            bright = np.flip(bright, axis)
            flips[axis, 3] = 31
    shown = Layer("a", Volume(np.ascontiguousarray(bright), AFFINE @ flips), "ct")
    pixels = show(tab, tmp_path, [shown])
    axial, coronal = views(pixels)[:2]
    for plane in (axial, coronal):
        left, right = np.array_split((plane.min(axis=-1) > 170).sum(axis=0), 2)
        assert left.sum() > 500
        assert left.sum() > 10 * right.sum()


@pytest.mark.parametrize("dark", [True, False])
def test_a_phone_has_no_overflow_and_the_marks_are_seen(
    dark: bool, tab: chromium.Tab, tmp_path: Path
) -> None:
    long = "a_very_long_name_without_any_place_to_break_it_" * 3
    pixels = show(tab, tmp_path, [layer(long, CT, is_synthetic=True)], (360, 740), dark=dark)
    assert not is_blank(pixels)
    assert tab.ask("document.documentElement.scrollWidth") == 360
    assert (
        tab.ask(
            "[...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > 360.5).length"
        )
        == 0
    )
    assert tab.ask("document.getElementById('marks').innerText") == "SYNTHETIC"
    assert "Not a medical device" in tab.ask("document.querySelector('footer').innerText")
    page = tab.pixels("header")
    assert (np.median(page) < 60) == dark


def test_a_served_page_draws_and_asks_its_own_server_alone(tab: chromium.Tab) -> None:
    scene = Scene("served", [layer("a", CT)])
    with PageServer(parts(scene)) as server:
        thread = threading.Thread(target=server.serve)
        thread.start()
        try:
            tab.show(server.address, SIZE)
            assert [is_blank(part) for part in views(ready(tab))] == [False] * 4
            assert tab.complaints == []
            asked = [url for url in tab.fetched if not url.startswith("data:")]
            assert asked
            assert all(url.startswith(server.address) for url in asked)
        finally:
            server.close()
            thread.join()
