"""Comparison of figures that were taken again with the written ones, and the count of those that agree."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from transmodal.errors import IntegrityError

TOLERANCE = 1e-9
"""Relative: on another machine the last bits of a sum may differ. A larger difference is a change."""

Record = Mapping[str, Any]


@dataclass(slots=True)
class Tally:
    """Compares new figures with written ones.

    Attributes:
        path: of the written evaluation, for errors.
        n_figures: figures that agree.
        n_exact: those of them that agree to the last bit.
    """

    path: Path
    n_figures: int = 0
    n_exact: int = 0

    def compare(self, label: str, new: object, stored: object) -> None:
        """Compare one value, or a list of values; figures are counted.

        Raises:
            IntegrityError: E501 where they differ.
        """
        same_length = isinstance(new, list) and isinstance(stored, list) and len(new) == len(stored)
        pairs = list(zip(new, stored, strict=True)) if same_length else [(new, stored)]  # type: ignore[call-overload]
        for new_value, stored_value in pairs:
            if not _close(new_value, stored_value):
                raise self.changed(f"{label} is {stored_value}", f"{new_value}, from the stored volume")
        if new is None or isinstance(new, float | list):
            self.n_figures += 1
            self.n_exact += new == stored

    def compare_fields(self, label: str, new: Record, stored: Record) -> None:
        """Compare the fields of a record; `label` says of what they are, such as `of the femur`."""
        for name, value in new.items():
            self.compare(f"{name} {label}", value, stored.get(name))

    def compare_records(
        self, label: str, new: Sequence[Record], stored: Sequence[Record], keys: Sequence[str]
    ) -> None:
        """Compare records that follow from figures, one by one, numbers within records as well.

        Args:
            label: names the list in errors.
            new: records that were worked out again.
            stored: records of the file.
            keys: fields that name a record in errors.
        """
        if len(new) != len(stored):
            raise self.changed(f"{label} with {len(stored)} lines", str(len(new)))
        for new_record, stored_record in zip(json.loads(json.dumps(new)), stored, strict=True):
            owner = " ".join(str(new_record[key]) for key in keys if new_record[key])
            self.compare_fields(f"of {owner}", _flat(new_record), _flat(stored_record))

    def changed(self, difference: str, expected: str) -> IntegrityError:
        """Return the error for a figure, a volume or a record that differs."""
        return IntegrityError(
            "E501", f"{self.path.name}: {difference}", expected, "It was changed after it was written."
        )


def fields_of(part: BaseModel | None) -> dict[str, Any]:
    """Return the fields of a part of the file as they stand in it; empty for a part that is missing."""
    return {} if part is None else part.model_dump(mode="json", exclude_unset=True)


def _flat(record: Record) -> dict[str, Any]:
    """Return the record with the fields of records within it beside its own."""
    inner = {
        f"{name} {key}": value
        for name, fields in record.items()
        if isinstance(fields, dict)
        for key, value in fields.items()
    }
    return {**{name: value for name, value in record.items() if not isinstance(value, dict)}, **inner}


def _close(first: object, second: object) -> bool:
    if isinstance(first, float) and isinstance(second, float | int):
        return math.isclose(first, second, rel_tol=TOLERANCE, abs_tol=1e-12)
    return first == second
