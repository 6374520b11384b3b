"""Parts of a recipe's schema: frozen, strict about keys, and clear about how names are spelled."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict
from pydantic_core import PydanticCustomError


class Part(BaseModel):
    """Frozen; unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def spelled(pattern: str, words: str) -> AfterValidator:
    """Check a text by a pattern; where it does not fit, say in words what is expected."""

    def check(text: str) -> str:
        if re.fullmatch(pattern, text, flags=re.ASCII) is None:
            raise PydanticCustomError("spelling", "{words}", {"words": words})
        return text

    return AfterValidator(check)


_LETTERS = spelled(r"[a-z][a-z0-9_]*", "small letters, digits and _, a letter first")
Modality = Annotated[str, _LETTERS]
PlayerName = Annotated[str, _LETTERS]
