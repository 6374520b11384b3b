"""Packages that are missing name the extra."""

from __future__ import annotations

import pytest

from transmodal.errors import ResourceError
from transmodal.exporting import packages


def test_what_is_missing_is_named_with_its_extra() -> None:
    packages.check("json", "numpy")
    with pytest.raises(ResourceError, match=r"no_such_package.*transmodal\[export\]") as refused:
        packages.check("json", "no_such_package")
    assert refused.value.code == "E404"
