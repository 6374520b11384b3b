"""Names of metrics are checked, with the nearest name that is known."""

from __future__ import annotations

import pytest

from transmodal.errors import UsageError
from transmodal.metrics.naming import check_names

KNOWN = ("mae", "psnr", "ssim")


def test_known_names_pass() -> None:
    check_names(["ssim", "mae"], KNOWN)


def test_an_unknown_name_offers_the_nearest() -> None:
    with pytest.raises(UsageError, match="the metric 'SSIN'") as refused:
        check_names(["mae", "SSIN"], KNOWN)
    assert refused.value.code == "E002"
    assert "ssim" in refused.value.remedy
    with pytest.raises(UsageError) as refused:
        check_names(["volume"], KNOWN)
    assert refused.value.remedy == "Choose among these."


def test_no_name_at_all_is_refused() -> None:
    with pytest.raises(UsageError, match="no metric") as refused:
        check_names([], KNOWN)
    assert refused.value.code == "E001"
