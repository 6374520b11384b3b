"""Write the reference pages of the command line, of recipes and of Python from what they describe.

python tools/write_reference.py            # writes docs/reference/{cli,recipe}.md and docs/reference/api/
python tools/write_reference.py --check    # only compares
"""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo

import transmodal
from transmodal import cli, translators
from transmodal.cohorts import layouts
from transmodal.commands._verbs import whole
from transmodal.recipes import schema

REFERENCE = Path(__file__).parents[1] / "docs" / "reference"
SOURCE = Path(transmodal.__file__).parent


def pages() -> dict[Path, str]:
    """Return the text of every generated page by its path."""
    texts = {"cli": command_line(), "recipe": recipe(), "api/index": python()}
    texts |= {f"api/{room}": door_page(room, inner) for room, inner in rooms().items()}
    return {REFERENCE / f"{name}.md": text for name, text in texts.items()}


def command_line() -> str:
    """Return the page of the command line: every verb with its arguments, options and examples."""
    sections = [
        "# Command line",
        "Every verb says the same with `--help`. Exit status: 0, or as [errors](errors.md) lists.",
    ]
    for name in cli.VERBS:
        verb = whole(name)
        words = [
            word for parameter in verb.params if is_argument(parameter) for word in (metavar(parameter),)
        ]
        rows = [
            (
                f"`{', '.join(parameter.opts)}`" if not is_argument(parameter) else f"`{metavar(parameter)}`",
                *facts(parameter),
            )
            for parameter in verb.params
            if not getattr(parameter, "hidden", False)
        ]
        sections += [
            f"## {name}",
            plain(verb.help or ""),
            f"`transmodal {' '.join([name, *words, '[OPTIONS]'])}`",
            table(("argument or option", "default", "meaning"), rows),
        ]
        if examples := re.findall(r"^transmodal .*$", verb.epilog or "", re.MULTILINE):
            sections.append("\n".join(["Examples:", "", *(f"    {line}" for line in examples)]))
        if name == "prepare":
            sections += layout_sections()
    return page(sections)


def layout_sections() -> list[str]:
    """Return a section for each layout: its line, and a table of its keys."""
    sections = ["### Layouts", "The keys of a layout are given with `--with KEY=VALUE`."]
    for name, summary in layouts.summaries().items():
        rows = [
            (f"`{key}`", f"`{default}`" if default else "", meaning)
            for key, (meaning, default) in layouts.keys_of(name).items()
        ]
        sections += [f"#### {name}", summary, table(("key", "default", "meaning"), rows)]
    return sections


def recipe() -> str:
    """Return the page of recipes: every key of the schema, and every translator's own settings."""
    sections = [
        "# Recipe",
        "Every key of a recipe, with its default. [Write a recipe](../how-to/write-a-recipe.md) shows how they are used.",
    ]
    sections += [
        text for title, model in models(schema.Recipe, "") for text in section(title or "recipe", model)
    ]
    sections += [
        "# Settings of translators",
        "What stands under `settings`. The defaults are the paper's values; the [papers' pages](../papers/index.md) say where "
        "each comes from.",
    ]
    for name in translators.names():
        config = translators.config_of(name)
        own = {key: field for key, field in config.model_fields.items() if key not in CHANNELS}
        sections += [f"## {name}", table(("key", "default", "meaning"), rows_of(config, own))]
    return page(sections)


CHANNELS = frozenset({"source_channels", "target_channels", "spatial_dims", "slab_depth"})
"""What `training.plan` works out from the task and the windows; no recipe sets it."""


def python() -> str:
    """Return the first page of Python: the functions of `transmodal`, and the way to every package."""
    rows = [
        (
            f"[transmodal.{room}]({room}.md)",
            docstring(f"transmodal.{room}").split("\n\n")[0].replace("\n", " "),
        )
        for room in rooms()
    ]
    sections = [
        "# Python",
        docstring("transmodal"),
        "## Packages",
        "Each has a page: what comes in, what goes out, and the modules to open first.",
        table(("package", "what it is"), rows),
        "## The verbs",
    ]
    sections += [f"::: {home}.{name}" for name, home in sorted(transmodal._HOMES.items())]
    sections += [f"::: {module}" for module in transmodal._ROOMS.values()]
    return page(sections, boost=0.5)


def door_page(room: str, inner: list[str]) -> str:
    """Return the page of a package: its doors and those of the packages inside it."""
    sections = [f"# transmodal.{room}"]
    for package in inner:
        text = docstring(package)
        if package.count(".") > 1:
            sections.append(f"## {package}")
        sections += [text, *(f"::: {package}.{door}" for door in doors(package, text))]
    return page(sections, boost=0.5)


def rooms() -> dict[str, list[str]]:
    """Return the packages that have a door, by the first name under `transmodal`."""
    inner: dict[str, list[str]] = {}
    for package in packages():
        if "." in package and doors(package, docstring(package)):
            inner.setdefault(package.split(".")[1], []).append(package)
    return inner


def doors(package: str, text: str) -> list[str]:
    """Return the modules of a package that its docstring names to open."""
    folder = SOURCE.parent.joinpath(*package.split("."))
    names = [name for name in re.findall(r"`([a-z_]+)(?:\.py)?`", text) if (folder / f"{name}.py").is_file()]
    return list(dict.fromkeys(names))


def docstring(package: str) -> str:
    """Return what a package says of itself."""
    return inspect.getdoc(importlib.import_module(package)) or ""


def packages() -> Iterator[str]:
    """Yield the packages whose docstring names the file to open first; papers have pages of their own."""
    for path in sorted(SOURCE.rglob("__init__.py")):
        parts = path.parent.relative_to(SOURCE.parent).parts
        if (len(parts) < 3 or parts[1] != "translators") and (
            re.search("Open first|Open `", ast.get_docstring(ast.parse(path.read_text())) or "")
        ):
            yield ".".join(parts)


def is_argument(parameter: Any) -> bool:  # noqa: ANN401 - typer's own class, which it does not export
    """Say whether a parameter is given by its place."""
    return parameter.param_type_name == "argument"


def metavar(parameter: Any) -> str:  # noqa: ANN401
    """Return how an argument is written."""
    word = parameter.metavar or parameter.name.upper()
    return f"{word}..." if parameter.nargs == -1 else word


def facts(parameter: Any) -> tuple[str, str]:  # noqa: ANN401
    """Return a parameter's default and meaning."""
    default = parameter.default
    shown = (
        "required"
        if parameter.required
        else ""
        if default in (None, False, "", (), []) or callable(default)
        else f"`{default}`"
    )
    return shown, plain(parameter.help or "")


def models(model: type[BaseModel], prefix: str) -> Iterator[tuple[str, type[BaseModel]]]:
    """Yield a model and those inside it, with the keys that lead to them."""
    yield prefix, model
    for key, field in model.model_fields.items():
        for inner in inner_models(field.annotation):
            mark = "" if inner is field.annotation or "None" in str(field.annotation) else ".NAME"
            yield from models(inner, f"{prefix}.{key}{mark}".lstrip("."))


def inner_models(annotation: Any) -> Iterator[type[BaseModel]]:  # noqa: ANN401 - any annotation of a field
    """Yield the models that an annotation holds."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in getattr(annotation, "__args__", ()):
        yield from inner_models(part)


def section(title: str, model: type[BaseModel]) -> list[str]:
    """Return a section on one part of a recipe."""
    first = (inspect.getdoc(model) or "").split("\n\n")[0]
    return [f"## {title}", first, table(("key", "default", "meaning"), rows_of(model, model.model_fields))]


def rows_of(model: type[BaseModel], fields: dict[str, FieldInfo]) -> list[tuple[str, str, str]]:
    """Return a row per field: key, default, meaning."""
    meanings = attributes(model)
    return [(f"`{key}`", default_of(field), meanings.get(key, "")) for key, field in fields.items()]


def default_of(field: FieldInfo) -> str:
    """Return a field's default as a recipe would write it."""
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if isinstance(value, BaseModel):
        return "its own"
    if value is None or value in ({}, ""):
        return ""
    if isinstance(value, (tuple, frozenset)):
        value = list(value)
    text = yaml.safe_dump(value, default_flow_style=True).strip().removesuffix("...").strip()
    return f"`{text}`"


def attributes(model: type[BaseModel]) -> dict[str, str]:
    """Return what a model and its bases say of their fields under `Attributes`, by name."""
    meanings: dict[str, str] = {}
    for base in reversed(model.__mro__):
        _, _, text = inspect.cleandoc(base.__dict__.get("__doc__") or "").partition("Attributes:\n")
        for name, meaning in re.findall(r"^ {4}(\w+): (.*(?:\n {5,}.*)*)", text, re.MULTILINE):
            meanings[name] = " ".join(meaning.split())
    return meanings


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """Return a Markdown table; a cell's bars cannot break it."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def plain(text: str) -> str:
    """Return a help text without markup, in one line."""
    return " ".join(re.sub(r"\[/?(?:dim|bold|italic|[a-z]+)\]", "", text).split())


def page(sections: list[str], *, boost: float | None = None) -> str:
    """Return a page that says where it comes from, and how much the site's search makes of it."""
    title, *rest = sections
    head = f"---\nsearch:\n  boost: {boost}\n---\n" if boost is not None else ""
    origin = "<!-- Written by tools/write_reference.py from the code. -->"
    return head + "\n\n".join([title, origin, *rest]) + "\n"


def main() -> None:
    """Write the pages, or say which differ."""
    stale = {
        path: text for path, text in pages().items() if not path.exists() or path.read_text("utf-8") != text
    }
    if stale and "--check" in sys.argv:
        names = ", ".join(str(path.relative_to(REFERENCE)) for path in stale)
        raise SystemExit(f"reference and code disagree: {names}. Run: python tools/write_reference.py")
    for path, text in stale.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
