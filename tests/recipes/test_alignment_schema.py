"""How alignment is said: registration, structure or both, and not nothing."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from transmodal.recipes.alignment_schema import AlignmentSettings, RegistrationHead


def test_an_empty_part_takes_its_defaults_and_an_empty_alignment_is_refused() -> None:
    assert AlignmentSettings.model_validate({"registration": {}}).registration == RegistrationHead()
    with pytest.raises(ValidationError, match="set registration or structure"):
        AlignmentSettings.model_validate({})
