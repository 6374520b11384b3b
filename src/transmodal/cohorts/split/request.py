"""The request for another split of cases that are prepared already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from transmodal.cohorts.manifest import CaseEntry
from transmodal.cohorts.options import CopiesPolicy, PrepareOptions, SplitOptions
from transmodal.cohorts.split.relations import Relations


@dataclass(frozen=True, slots=True)
class SplitRequest:
    """Another split of prepared cases; a part that is None stays as the cohort was prepared.

    Attributes:
        options: shares, counts, a fold or a group to test.
        copies: the policy on copies of one image under two patients' names.
        sides: `train`, `validation` or `test` by case id, where that is decided already; outranks the options.
        relations: which cases are of one patient, and which are kept together.
    """

    options: SplitOptions | None = None
    copies: CopiesPolicy | None = None
    sides: Mapping[str, str] | None = None
    relations: Relations | None = None

    def update_options(self, former: PrepareOptions) -> PrepareOptions:
        """Return the options that a cohort was prepared with, its split and copies as requested."""
        updated = former if self.options is None else former.with_split(self.options)
        return updated if self.copies is None else updated.model_copy(update={"copies": self.copies})

    def relate(self, entries: Sequence[CaseEntry]) -> list[CaseEntry]:
        """Return the entries with their patients and groups as requested.

        Raises:
            InputError: E132 as `Relations.apply`.
        """
        return list(entries) if self.relations is None else self.relations.apply(entries)
