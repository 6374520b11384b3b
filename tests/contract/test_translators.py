"""The contract of translators, held by all of the package; they are found by themselves."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from transmodal import translators
from transmodal.errors import UsageError
from transmodal.testing.batches import batch_for, build
from transmodal.testing.translator import TranslatorContract


def own_tests(name: str) -> Path:
    return Path(__file__).parents[1] / "translators" / f"test_{name}.py"


def tiny(name: str) -> dict[str, Any]:
    """Return settings under which a translator is tiny and needs no file: `TINY` of its own tests."""
    own = own_tests(name)
    spec = importlib.util.spec_from_file_location(f"own_tests_of_{name}", own)
    assert spec is not None, name
    assert spec.loader is not None, name
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    settings: dict[str, Any] = module.TINY
    return settings


class TestTranslators(TranslatorContract):
    """Every translator that has tests of its own, under the settings `TINY` of these."""

    def parts(self, config: pytest.Config) -> Mapping[str, Mapping[str, Any]]:
        return {name: tiny(name) for name in translators.own_names() if own_tests(name).is_file()}


@pytest.mark.parametrize("name", translators.own_names())
def test_a_translator_has_tests_of_its_own(name: str) -> None:
    assert own_tests(name).is_file(), f"{name} has no tests of its own"


def test_names_do_not_import(tmp_path: object) -> None:
    import subprocess
    import sys

    code = (
        "import sys; from transmodal import translators; print(translators.names(), 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("False")


def test_wrong_names_and_settings_get_a_hint() -> None:
    with pytest.raises(UsageError, match="Did you mean pix2pix") as unknown:
        translators.build("pix2pixx", {})
    assert unknown.value.code == "E002"
    with pytest.raises(UsageError, match="Did you mean width") as key:
        translators.build("pix2pix", {"widht": 8})
    assert key.value.code == "E003"
    with pytest.raises(UsageError, match="width") as value:
        translators.build("pix2pix", {"width": 0})
    assert value.value.code == "E001"


def test_three_dimensions_are_refused_where_there_are_none() -> None:
    with pytest.raises(UsageError, match="3D"):
        translators.build("resvit", {"spatial_dims": 3})


def test_seeds_make_the_noise() -> None:
    translator = build("pix2pix", {**tiny("pix2pix"), "levels": 5, "norm": "instance"}).train()
    batch = batch_for(translator)
    assert batch.draw is not None
    same = translator.synthesise(batch)[0]
    other = translator.synthesise(batch._replace(draw=batch.draw + 1))[0]
    assert not np.allclose(same.detach().numpy(), other.detach().numpy())
