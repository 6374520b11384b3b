"""Designs from YAML: those of the package by name, a user's own by path."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import ValidationError

from transmodal.errors import InputError, UsageError, suggest
from transmodal.experiments.design import Design
from transmodal.recipes.plain_yaml import plain_yaml
from transmodal.storage import regular

AnyDesign = TypeVar("AnyDesign", bound=Design)


@dataclass(frozen=True, slots=True)
class Library(Generic[AnyDesign]):
    """The designs of one kind that come with the package.

    Attributes:
        folder: of their files.
        schema: of a file.
        noun: that names the kind in messages.
        hint: of a message about an unknown name, where no known name is near.
    """

    folder: Path
    schema: type[AnyDesign]
    noun: str
    hint: str

    def names(self) -> list[str]:
        """Return the names of the designs that come with the package."""
        return sorted(path.stem for path in self.folder.glob("*.yaml"))

    def path_of(self, name_or_path: str) -> Path:
        """Return the file of a name in the library, or a user's own.

        Raises:
            UsageError: E002 for an unknown name.
            InputError: E100 when the file does not exist.
        """
        is_file = name_or_path.endswith((".yaml", ".yml"))
        if not is_file and name_or_path not in self.names():
            remedy = suggest(name_or_path, self.names(), self.hint)
            raise UsageError("E002", f"no {self.noun} {name_or_path!r}", ", ".join(self.names()), remedy)
        path = Path(name_or_path) if is_file else self.folder / f"{name_or_path}.yaml"
        if not path.is_file():
            raise InputError("E100", f"{path} does not exist", f"a {self.noun} in YAML", "Check the path.")
        return path

    def read(self, path: Path) -> AnyDesign:
        """Read a file.

        Raises:
            UsageError: E001 for content that is no design of this kind.
        """
        try:
            return self.schema.model_validate(plain_yaml(regular.read_text(path), path.name))
        except (ValidationError, UnicodeDecodeError) as error:
            reason = " ".join(str(error).split())[:200]
            raise UsageError("E001", f"{path.name}: {reason}", f"a {self.noun}", "Correct it.") from error
