from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from numpy.typing import NDArray

from transmodal.evaluation.oracles import fit as oracles
from transmodal.inference.preprocessing import Preprocessing

Translated = Callable[[str, list[Any], Any, Preprocessing], NDArray[Any]]


@pytest.fixture(scope="session")
def translated() -> Translated:
    """Return a function that fits an oracle and gives the voxels of a case's translation."""

    def translate(name: str, training: list[Any], case: Any, preprocessing: Preprocessing) -> NDArray[Any]:  # noqa: ANN401  # a fake case
        oracle = oracles.fit(name, training, preprocessing)
        result = oracle.translate_case(case)
        assert result.grid.same_as(case.grid)
        assert oracle.name == name
        return result.voxels

    return translate
