"""The protocol that every layout keeps, and what a layout returns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Generic, NamedTuple, Protocol, TypeVar, runtime_checkable

if TYPE_CHECKING:
    from transmodal.cohorts.case import Case, CaseMaker
    from transmodal.volumes.reading import Reading

Maker = TypeVar("Maker", bound="CaseMaker", covariant=True)
Settings = TypeVar("Settings")


class FolderContents(NamedTuple, Generic[Maker]):
    """The cases of a folder, and what was left aside.

    Attributes:
        cases: sorted by name.
        ignored: what was not taken, as paths below the folder, each with the reason.
        left_out: cases that lack something that is asked for, each with what.
        sides: which cases train, validate and test (`train`, `validation`, `test` by id), where the
            folder says so; empty where it does not.
        within_subject: whether `sides` divide patients, slab by slab: figures then hold for them alone.
        key: whose the pseudonymous cases are, a row for each image: for their owner alone, never kept in a cohort.
        labels: names of the segmentation's labels, where the release says them.
    """

    cases: Sequence[Maker]
    ignored: Sequence[str] = ()
    left_out: Sequence[str] = ()
    sides: Mapping[str, str] = {}
    within_subject: bool = False
    key: Sequence[Mapping[str, str]] = ()
    labels: Mapping[int, str] = {}


class Layout(Protocol[Settings]):
    """A module of this package that is named without a leading underscore.

    The first line of the module's docstring is the layout's line in the list of layouts; the whole docstring, with a
    tree of the folder, is its help.
    """

    @property
    def Options(self) -> type[Settings]:  # noqa: N802 - a class
        """Frozen dataclass of the settings: all have defaults, and a line under Attributes each."""
        ...

    def find(
        self, folder: Path, options: Settings = ..., reading: Reading = ...
    ) -> FolderContents[CaseMaker]:
        """Find the cases of a folder, and what was left aside.

        Args:
            folder: where the data lie.
            options: the layout's settings.
            reading: how image files are read where they leave something open; the cases carry it.

        Raises:
            InputError: E100 when the folder does not exist or holds no case.
        """
        ...


@runtime_checkable
class WritableLayout(Protocol):
    """A layout that can also be written; its module has `find` and `Options` beside."""

    def write(self, cases: Sequence[Case], folder: Path) -> None:
        """Write cases as image files in this layout, for `find` to find.

        Raises:
            UsageError: E005 when the place is not usable.
            ResourceError: E403 when the disk is full or may not be written.
        """
        ...
