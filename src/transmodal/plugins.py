"""Parts from outside the package: installed distributions announce translators, layouts and metrics by entry points.

    [project.entry-points."transmodal.translators"]
    srcnn = "super_resolution.srcnn"

The name is the part's own, the value its module, or `module:RECORD` of a metric. Parts are listed by their names and imported
when they are asked for. One that cannot be imported is named with its distribution, and no other part minds it.
"""

from __future__ import annotations

import ast
import logging
import re
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from functools import cache, lru_cache
from importlib import machinery, metadata, util
from importlib.abc import InspectLoader
from typing import Literal, NamedTuple

from transmodal.errors import ResourceError, TransmodalError, UsageError

Kind = Literal["translators", "layouts", "metrics"]
_NAME = re.compile(r"[a-z][a-z0-9_]*")


class Distribution(NamedTuple):
    """A distribution, as `pip install NAME==VERSION` takes it."""

    name: str
    version: str

    def text(self) -> str:
        """Return both in words."""
        return f"{self.name} {self.version}"


class Plugin(NamedTuple):
    """A part that a distribution announces.

    Attributes:
        kind: of the part.
        name: of the part.
        value: its module, or `module:RECORD`.
        distribution: that announces it.
    """

    kind: Kind
    name: str
    value: str
    distribution: Distribution

    def text(self) -> str:
        """Return what it is and where it comes from, in words."""
        return f"the {self.kind.removesuffix('s')} {self.name} of {self.distribution.text()}"


def announced(kind: Kind) -> tuple[Plugin, ...]:
    """Return the parts that distributions announce, sorted by name; nothing is imported."""
    return _announced(kind, tuple(sys.path))


def names(kind: Kind, own: Collection[str]) -> list[str]:
    """List transmodal's own parts and those from outside; parts that `faults` tells of are left out."""
    outside = [plugin.name for plugin in announced(kind) if not _obstacle(plugin, own)]
    return sorted({*own, *outside})


def faults(kind: Kind, own: Collection[str]) -> list[str]:
    """Return a line for each announced part that is refused by its name alone: another has it, or it is no name."""
    return [
        f"{plugin.text()} is refused: {why}" for plugin in announced(kind) if (why := _obstacle(plugin, own))
    ]


def find(kind: Kind, name: str, own: Collection[str]) -> Plugin | None:
    """Return the part from outside of that name; None where it is transmodal's own, or nobody's.

    Raises:
        UsageError: E004 where two distributions announce it.
    """
    plugins = [plugin for plugin in announced(kind) if plugin.name == name]
    if name in own:
        for plugin in plugins:
            _warn(f"{plugin.text()} is refused: {_obstacle(plugin, own)}")
        return None
    if len(plugins) > 1:
        raise UsageError(
            "E004",
            f"the {kind.removesuffix('s')} {name} of {' and of '.join(plugin.distribution.text() for plugin in plugins)}",
            "one distribution that announces it",
            f"Remove the other: pip uninstall {plugins[-1].distribution.name}",
        )
    return plugins[0] if plugins and not _obstacle(plugins[0], own) else None


def load(plugin: Plugin, *parts: str) -> object:
    """Import a part: its module, or the record that its value names.

    Args:
        plugin: that is loaded.
        parts: names that it has to have.

    Raises:
        ResourceError: E404 where it cannot be imported or lacks a part.
    """
    with blame(plugin):
        entry = metadata.EntryPoint(plugin.name, plugin.value, f"transmodal.{plugin.kind}")
        part: object = entry.load()
        for name in parts:
            getattr(part, name)
        return part


@contextmanager
def blame(plugin: Plugin | None) -> Iterator[None]:
    """Turn whatever a part from outside raises into one line that names its distribution; None is transmodal's own.

    Raises:
        ResourceError: E404 for what is no error of transmodal's.
    """
    try:
        yield
    except TransmodalError:
        raise
    except Exception as error:
        if plugin is None:
            raise
        raise ResourceError(
            "E404",
            f"{plugin.text()} cannot be loaded ({type(error).__name__}: {error})",
            "a plugin that works with this version",
            f"Update or remove it: pip install --upgrade {plugin.distribution.name}",
        ) from error


def check(kind: Kind, name: str, distribution: Distribution, own: Collection[str]) -> None:
    """Refuse to go on without the part that something was made with; warn of another version.

    Args:
        kind: of the part.
        name: of the part.
        distribution: that announced it then.
        own: names of transmodal's own parts.

    Raises:
        ResourceError: E404 where it is not installed, or of another distribution.
        UsageError: as `find`.
    """
    plugin = find(kind, name, own)
    if plugin is None or plugin.distribution.name != distribution.name:
        elsewhere = "" if plugin is None else f"; {plugin.distribution.text()} has another of that name"
        raise ResourceError(
            "E404",
            f"the {kind.removesuffix('s')} {name} of {distribution.text()} is not installed{elsewhere}",
            "it, as it was there in training",
            f"pip install {distribution.name}=={distribution.version}",
        )
    if plugin.distribution != distribution:
        _warn(f"{name} was trained with {distribution.text()}, and {plugin.distribution.text()} is installed")


def docstring(plugin: Plugin) -> str:
    """Return the docstring of a part's module without importing it; empty where there is no such file."""
    module = plugin.value.partition(":")[0].strip()
    try:
        spec = _spec(module)
        loader = None if spec is None else spec.loader
        text = loader.get_source(module) if isinstance(loader, InspectLoader) else None
        return ast.get_docstring(ast.parse(text or "")) or ""
    except (OSError, SyntaxError, ValueError, ImportError):
        return ""


@lru_cache(maxsize=8)
def _announced(kind: Kind, path: tuple[str, ...]) -> tuple[Plugin, ...]:
    """Return the announced parts; `path` stands for what Python finds, whose places may change."""
    entries = metadata.entry_points(group=f"transmodal.{kind}")
    plugins = {
        Plugin(kind, entry.name, entry.value, Distribution(entry.dist.name, entry.dist.version))
        for entry in entries
        if entry.dist is not None
    }
    return tuple(sorted(plugins))


def _obstacle(plugin: Plugin, own: Collection[str]) -> str:
    """Return why a part is refused; empty where nothing speaks against it."""
    if not _NAME.fullmatch(plugin.name):
        return "a name is of small letters, digits and _"
    if plugin.name in own:
        return f"transmodal has {plugin.name} itself; remove it: pip uninstall {plugin.distribution.name}"
    rivals = [
        rival.distribution
        for rival in announced(plugin.kind)
        if rival.name == plugin.name and rival != plugin
    ]
    return f"{rivals[0].text()} announces {plugin.name} too" if rivals else ""


def _spec(module: str) -> machinery.ModuleSpec | None:
    """Return where a module lies; the packages above it are not imported either."""
    first, *inner = module.split(".")
    spec = util.find_spec(first)
    for n in range(len(inner)):
        if spec is None or spec.submodule_search_locations is None:
            return None
        name = ".".join([first, *inner[: n + 1]])
        spec = machinery.PathFinder.find_spec(name, list(spec.submodule_search_locations))
    return spec


@cache
def _warn(text: str) -> None:
    """Log a line once."""
    logging.getLogger(__name__).warning("%s", text)
