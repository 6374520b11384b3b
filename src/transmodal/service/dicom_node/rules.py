"""Rules of a node: which series become what, and the one node that gets them; a small YAML, read strictly."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from transmodal.errors import InputError, UsageError
from transmodal.models import library
from transmodal.recipes.plain_yaml import plain_yaml
from transmodal.recipes.refusal import as_usage_error
from transmodal.storage import files, regular

AE_TITLE = r"^[A-Za-z0-9]([A-Za-z0-9 ._-]{0,14}[A-Za-z0-9._-])?$"
MOST_RULES = 64

_BYTES = 65_536

AeTitle = Annotated[str, Field(pattern=AE_TITLE)]


class SeriesFacts(NamedTuple):
    """Facts of a series that rules look at.

    Attributes:
        modality: DICOM's Modality.
        description: SeriesDescription.
        caller: AE title of the sender.
        is_synthetic: whether SyntheticData is YES.
    """

    modality: str
    description: str
    caller: str
    is_synthetic: bool = False


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)


class Match(_Part):
    """Conditions on a series; what is left out is not looked at.

    Attributes:
        modality: DICOM's Modality.
        description: pattern of SeriesDescription with `*`, `?` and `[...]`, in letters of any case.
        caller: pattern of the sender's AE title.
    """

    modality: Literal["CT", "MR"] | None = None
    description: str | None = Field(default=None, min_length=1, max_length=64)
    caller: str | None = Field(default=None, min_length=1, max_length=16)


class Rule(_Part):
    """A model for the series that match.

    Attributes:
        name: of the rule, in logs and tables.
        match: what they have to have.
        model: folder of a trained run or file .tmz, from the folder of the rules.
        description: SeriesDescription of the synthetic series, behind the word SYNTHETIC; its target by default.
        deidentify: whether names, ids, dates and UIDs are replaced.
        burn_in: whether the word SYNTHETIC is written into the pixels.
        gate: what becomes of a series unlike training's.
    """

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
    match: Match = Match()
    model: str = Field(min_length=1)
    description: str = Field(default="", max_length=48)
    deidentify: bool = False
    burn_in: bool = False
    gate: Literal["refuse", "strict", "warn"] = "refuse"

    def takes(self, facts: SeriesFacts) -> bool:
        """Return whether a series matches."""
        match = self.match
        return (
            match.modality in (None, facts.modality)
            and _is_like(facts.description, match.description)
            and _is_like(facts.caller, match.caller)
        )


class Destination(_Part):
    """The one node that synthetic series are sent to.

    Attributes:
        host: its name or address.
        port: that it listens at.
        ae_title: that it is called by.
        tls: whether it is called over TLS.
    """

    host: str = Field(min_length=1, max_length=253)
    port: int = Field(ge=1, le=65535)
    ae_title: AeTitle
    tls: bool = False


class Rules(_Part):
    """The content of a file of rules.

    Attributes:
        destination: of everything synthetic.
        rules: the first that matches holds.
    """

    destination: Destination
    rules: list[Rule] = Field(min_length=1, max_length=MOST_RULES)

    @model_validator(mode="after")
    def _check_names(self) -> Rules:
        names = [rule.name for rule in self.rules]
        if len(set(names)) < len(names):
            raise ValueError("two rules have one name")
        return self

    def choose(self, facts: SeriesFacts) -> Rule | None:
        """Return the first rule that takes a series; None for no rule, and for a series that is synthetic itself."""
        if facts.is_synthetic:
            return None
        return next((rule for rule in self.rules if rule.takes(facts)), None)

    def of_name(self, name: str) -> Rule | None:
        """Return the rule of a name; None where there is none any more."""
        return next((rule for rule in self.rules if rule.name == name), None)


def load(path: Path) -> Rules:
    """Read a file of rules.

    Raises:
        UsageError: E003 for an unknown key, E001 for a value that cannot be.
        InputError: E100 where there is no such file or no such model, E101 where it is not text.
        ResourceError: E401 for a large file, E403 where it may not be read.
    """
    try:
        with files.reading_errors(path, "a file of rules"):
            text = regular.read_text(path, _BYTES)
    except UnicodeDecodeError:
        raise InputError("E101", f"{path.name} is not text", "YAML in UTF-8", "Save it as UTF-8.") from None
    data = plain_yaml(text, path.name)
    if not isinstance(data, dict):
        raise UsageError("E001", f"{path.name} holds no keys", "destination and rules", "Write both of them.")
    try:
        rules = Rules.model_validate(data)
    except ValidationError as error:
        raise as_usage_error(error, path.name, Rules) from None
    for rule in rules.rules:
        if not model_of(rule, path).exists():
            raise InputError(
                "E100",
                f"no model at {rule.model}, of the rule {rule.name}",
                f"a trained run, from the folder of the rules, or {', '.join(library.names())}",
                "Check the path.",
            )
    return rules


def model_of(rule: Rule, path: Path) -> Path:
    """Return where the model of a rule is: from the folder of the rules, or in the package under its name.

    Raises:
        UsageError: E002 for `demo:` with a task that no model of the package has.
    """
    place = path.absolute().parent / rule.model
    return place if place.exists() else place.parent / library.resolve(rule.model)


def _is_like(text: str, pattern: str | None) -> bool:
    return pattern is None or fnmatchcase(text.casefold(), pattern.casefold())
