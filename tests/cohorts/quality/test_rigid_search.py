from __future__ import annotations

import numpy as np
import pytest

from transmodal.cohorts.quality.rigid_search import mutual_information


def test_mutual_information_of_known_tables() -> None:
    assert mutual_information(np.eye(4)) == pytest.approx(np.log(4))
    assert mutual_information(np.outer([1, 2], [3, 5, 1])) == pytest.approx(0, abs=1e-12)
    assert mutual_information(np.zeros((2, 2))) == 0
