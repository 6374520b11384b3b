"""A translation in words: nothing is overwritten, forced or chosen unless it is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from transmodal.commands import _bids
from transmodal.commands._translate_words import ImageWords, RunWords, WritingWords
from transmodal.commands._volume_work import Loading
from transmodal.errors import UsageError
from transmodal.inference.model import Model
from transmodal.inference.passes import BY_RECIPE, Passes


def test_without_a_word_every_image_is_taken_and_nothing_is_risked() -> None:
    assert ImageWords().selection() == _bids.EVERY_IMAGE
    assert ImageWords(subject=["sub-01"], space="MNI").selection() == _bids.Selection(("sub-01",), "MNI")
    words = WritingWords()
    assert words.interval is None
    assert not any((words.disagreement, words.overwrite, words.strict, words.force, words.record_names))


def test_the_gate_is_strict_or_forced() -> None:
    policies = [WritingWords(strict=strict, force=not strict).gate() for strict in (True, False)]
    assert (policies, WritingWords().gate()) == (["strict", "warn"], "refuse")
    with pytest.raises(UsageError, match="--strict with --force"):
        WritingWords(strict=True, force=True).gate()


def test_a_run_is_loaded_as_the_words_say(folders: Path) -> None:
    loading = RunWords("last", "cpu").loading(folders / "run", Passes(("x",)))
    assert loading == Loading(folders / "run", "last", "cpu", passes=Passes(("x",)))
    model = loading.load()
    assert isinstance(model, Model)
    assert model.device.type == "cpu"
    several = RunWords(with_run=["b", "c"], combine="median").loading(folders / "run", BY_RECIPE)
    assert (several.other_runs, several.combine) == (("b", "c"), "median")
    with pytest.raises(UsageError, match="--weights sam"):
        RunWords(weights=["sam"]).loading(folders / "run", BY_RECIPE)
