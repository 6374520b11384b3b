from __future__ import annotations

import subprocess
import sys

PAGE = """
import io, sys
from contextlib import redirect_stdout
from transmodal import cli
{before}
with redirect_stdout(io.StringIO()) as page:
    cli.run(["--help"])
"""


def _run(code: str, before: str = "") -> str:
    program = PAGE.format(before=before) + code
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return done.stdout


def test_the_page_is_the_same_and_imports_neither_markdown_nor_tracebacks() -> None:
    shown = _run(
        "print(sorted({'rich.markdown', 'rich.traceback'} & set(sys.modules)))\nprint(page.getvalue())"
    )
    unused, _, page = shown.partition("\n")
    assert unused == "[]"
    assert "translate" in page
    assert page == _run("print(page.getvalue())", before="import typer.rich_utils")


def test_another_program_in_the_process_has_both_when_it_uses_them() -> None:
    shown = _run(
        "from typer import rich_utils\n"
        "from rich.console import Console\n"
        "Console(file=sys.stdout).print(rich_utils.Markdown('# A title'))\n"
        "try:\n    1 / 0\nexcept ZeroDivisionError as error:\n"
        "    trace = rich_utils.Traceback.from_exception(type(error), error, error.__traceback__)\n"
        "import rich.markdown, rich.traceback\n"
        "print(type(rich_utils.Markdown('')) is rich.markdown.Markdown, type(trace) is rich.traceback.Traceback)\n"
    )
    assert "A title" in shown
    assert shown.endswith("True True\n")
