"""Plugins are found by their metadata, imported when they are asked for, and blamed by their distribution."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from plugin_kits import METRIC, install
from transmodal import cli, plugins, translators
from transmodal.cohorts import layouts
from transmodal.errors import ResourceError, TransmodalError, UsageError
from transmodal.metrics import registry
from transmodal.plugins import Distribution

Install = Callable[..., Path]


@pytest.fixture
def add(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Return how a distribution is installed for the time of a test."""
    before = set(sys.modules)

    def add_kit(entries: dict[str, dict[str, str]], name: str = "night-kit", **changes: object) -> Path:
        place = install(tmp_path / f"{name}-{len(sys.path)}", entries, name=name, **changes)  # type: ignore[arg-type]
        monkeypatch.syspath_prepend(place)
        return place

    plugins._warn.cache_clear()
    yield add_kit
    for module in set(sys.modules) - before:
        if module.partition(".")[0].endswith("_kit"):
            del sys.modules[module]


def test_parts_are_listed_without_being_imported(tmp_path: Path) -> None:
    place = install(tmp_path / "kit", modules={"__init__": ""})
    code = (
        "import sys; from transmodal import translators; from transmodal.cohorts import layouts\n"
        "assert 'line' in translators.names() and 'night_shift' in layouts.names()\n"
        "assert layouts.summaries()['night_shift'] == 'Its module cannot be read. [night-kit 1.2]'\n"
        "assert not {'night_kit', 'torch'} & set(sys.modules)"
    )
    path = [str(place), *sys.path]
    subprocess.run([sys.executable, "-c", f"import sys; sys.path[:] = {path!r}\n{code}"], check=True)


def test_a_layout_shows_its_line_unimported(add: Install) -> None:
    add({"layouts": {"night_shift": "night_kit.night"}})
    line = "Scans of a night shift: a file per contrast, named after the patient. [night-kit 1.2]"
    assert layouts.summaries()["night_shift"] == line
    assert "night_kit" not in sys.modules
    assert layouts.is_layout("night_shift2024")
    assert layouts.load("night_shift2024").Options().need == ()


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("night_kit.gone", "ModuleNotFoundError: No module named 'night_kit.gone'"),
        ("night_kit.broken", "ZeroDivisionError: division by zero"),
        ("night_kit.contrast", "AttributeError: module 'night_kit.contrast' has no attribute 'Config'"),
        ("not a module", "cannot be loaded"),
    ],
)
def test_a_broken_part_is_named_with_its_distribution_and_harms_no_other(
    add: Install, capsys: pytest.CaptureFixture[str], value: str, reason: str
) -> None:
    entries = {kind: {"night": value} for kind in ("translators", "layouts", "metrics")}
    add(entries, modules={"broken": "1 / 0\n", "contrast": METRIC})
    calls: dict[str, Callable[[], object]] = {
        "translator": lambda: translators.build("night", {}),
        "layout": lambda: layouts.load("night"),
        "metric": lambda: registry.find("night"),
    }
    for kind, call in calls.items():
        with pytest.raises(
            ResourceError, match=f"the {kind} night of night-kit 1.2 cannot be loaded"
        ) as broken:
            call()
        assert broken.value.code == "E404"
        assert "pip install --upgrade night-kit" in broken.value.remedy
        if kind == "translator":
            assert reason in broken.value.line()
    assert translators.build("unet_regression", {"width": 4, "levels": 2})
    assert "mae" in registry.names()
    assert "night" not in registry.names()
    assert cli.run(["prepare", "--help"]) == 0
    assert "folders" in capsys.readouterr().out


def test_the_list_of_translators_goes_past_a_broken_one(
    add: Install, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    add({"translators": {"line": "night_kit.line", "night": "night_kit.broken", "pix2pix": "night_kit.line"}})
    monkeypatch.setattr(translators, "own_names", lambda: ["pix2pix"])
    assert cli.run(["translators"]) == 0
    shown = capsys.readouterr()
    assert "Stature, J. Anthropol. Inst. 15, 1886; 2015 reprint [night-kit 1.2]" in shown.out
    assert "pix2pix" in shown.out
    assert (
        "Not usable: the translator night of night-kit 1.2 cannot be loaded (ModuleNotFoundError" in shown.err
    )
    assert (
        "Not usable: the translator pix2pix of night-kit 1.2 is refused: transmodal has pix2pix" in shown.err
    )


def test_transmodals_own_parts_keep_their_names(add: Install, caplog: pytest.LogCaptureFixture) -> None:
    add({"translators": {"pix2pix": "night_kit.line"}, "metrics": {"mae": "night_kit.contrast:CONTRAST"}})
    assert translators.config_of("pix2pix").__module__.startswith("transmodal.")
    assert registry.find("mae").unit == "{unit}"
    lines = sorted(record.message for record in caplog.records)
    remedy = "itself; remove it: pip uninstall night-kit"
    assert lines == [
        f"the metric mae of night-kit 1.2 is refused: transmodal has mae {remedy}",
        f"the translator pix2pix of night-kit 1.2 is refused: transmodal has pix2pix {remedy}",
    ]


def test_a_name_that_two_distributions_have_is_neither_s(add: Install) -> None:
    add({"translators": {"line": "night_kit.line"}})
    add({"translators": {"line": "day_kit.line"}}, name="day-kit", version="3")
    assert "line" not in translators.names()
    with pytest.raises(UsageError, match=r"the translator line of day-kit 3 and of night-kit 1\.2") as rivals:
        translators.build("line", {})
    assert (rivals.value.code, rivals.value.remedy) == ("E004", "Remove the other: pip uninstall night-kit")
    assert len(plugins.faults("translators", [])) == 2


@pytest.mark.parametrize("name", ["Line", "_line", "a-line", "../line"])
def test_odd_names_are_refused(add: Install, name: str) -> None:
    add({"translators": {name: "night_kit.line"}})
    assert name not in translators.names()
    assert plugins.faults("translators", [])[0].endswith(
        "is refused: a name is of small letters, digits and _"
    )
    with pytest.raises(UsageError, match="no translator"):
        translators.build(name, {})


@pytest.mark.parametrize(
    ("name", "record", "reason"),
    [
        ("contrast_kept", "share", "is no transmodal.metrics.metric.Metric"),
        ("contrast_lost", "CONTRAST", "its record is called contrast_kept"),
        ("contrast_kept", "LEARNED", "metrics of networks come with transmodal alone"),
    ],
)
def test_a_metric_is_a_record_of_its_name(add: Install, name: str, record: str, reason: str) -> None:
    text = METRIC + '\nLEARNED = Metric("contrast_kept", "1", "higher", learned="volume")\n'
    add({"metrics": {name: f"night_kit.contrast:{record}"}}, modules={"contrast": text})
    with pytest.raises(ResourceError, match=reason):
        registry.find(name)


def test_a_release_is_asked_for_again(add: Install, caplog: pytest.LogCaptureFixture) -> None:
    own = ["pix2pix"]
    with pytest.raises(
        ResourceError, match=r"the translator line of night-kit 1\.2 is not installed;"
    ) as missing:
        plugins.check("translators", "line", Distribution("night-kit", "1.2"), own)
    assert missing.value.remedy == "pip install night-kit==1.2"
    add({"translators": {"line": "night_kit.line"}})
    plugins.check("translators", "line", Distribution("night-kit", "1.2"), own)
    assert not caplog.records
    plugins.check("translators", "line", Distribution("night-kit", "1.1"), own)
    assert "line was trained with night-kit 1.1, and night-kit 1.2 is installed" in caplog.text
    with pytest.raises(ResourceError, match=r"of day-kit 3 is not installed; night-kit 1\.2 has another"):
        plugins.check("translators", "line", Distribution("day-kit", "3"), own)


def test_blame_leaves_errors_in_words_and_transmodals_bugs_as_they_are(add: Install) -> None:
    add({"translators": {"line": "night_kit.line"}})
    (plugin,) = plugins.announced("translators")
    with pytest.raises(UsageError), plugins.blame(plugin):
        raise UsageError("E001", "a", "b", "c")
    with pytest.raises(ZeroDivisionError), plugins.blame(None):
        _ = 1 / 0
    with pytest.raises(TransmodalError, match=r"night-kit 1\.2"), plugins.blame(plugin):
        _ = 1 / 0
