"""The command line: words in, a verb called, one line and an exit status when it fails."""

from __future__ import annotations

import errno
import signal
import sys
import traceback
from types import FrameType
from typing import Annotated

import typer
from typer.main import get_command

from transmodal._version import __version__
from transmodal.commands._verbs import VERBS, VerbGroup
from transmodal.errors import TransmodalError, UsageError, suggest
from transmodal.notice import INTENDED_USE

app = typer.Typer(
    name="transmodal",
    cls=VerbGroup,
    no_args_is_help=True,
    add_completion=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help=(
        "Synthesise the medical image that is missing from the one that is there.\n\n"
        "Prepare a cohort, train a translator, translate volumes, evaluate them.\n\n"
        "Start with:  transmodal demo\n\n"
        f"[dim]{INTENDED_USE}[/dim]"
    ),
)
INTERRUPTED = 130
"""Exit status after Ctrl-C, which typer turns into this number."""
REFUSALS = frozenset(
    {
        errno.EACCES,
        errno.EPERM,
        errno.EROFS,
        errno.ENOSPC,
        errno.EDQUOT,
        errno.EIO,
        errno.EMFILE,
        errno.ENFILE,
        errno.EEXIST,
        errno.EFBIG,
        errno.EBUSY,
        errno.ESTALE,
        errno.ENOTDIR,
        errno.EISDIR,
        errno.ENAMETOOLONG,
        errno.ELOOP,
    }
)
"""Error numbers of the operating system that are about a place for output, and no bug."""

_END_SECONDS = 10.0
"""How long a process that was asked to end is waited for."""

_LESS_MEMORY = "Free memory, use smaller volumes, or fewer --workers where there are some."

SYNONYMS = {
    "predict": "translate",
    "infer": "translate",
    "synthesise": "translate",
    "synthesize": "translate",
    "score": "evaluate",
    "test": "evaluate",
    "validate": "evaluate",
    "estimate": "plan",
    "fit": "train",
    "finetune": "train",
    "convert": "prepare",
    "preprocess": "prepare",
    "split": "resplit",
    "show": "view",
    "list": "recipes",
    "info": "doctor",
    "status": "doctor",
    "deploy": "export",
    "help": "--help",
    "version": "--version",
}
"""Words that others have for a verb, or for an option that stands alone."""


@app.callback()
def _options(
    context: typer.Context,
    _: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=lambda is_requested: _show_version(is_requested),
            is_eager=True,
            help="Show the version.",
        ),
    ] = False,
    quiet: Annotated[
        bool,
        typer.Option(
            "--quiet",
            help="Results and errors alone: no progress, notes or warnings. May stand behind the verb.",
        ),
    ] = False,
) -> None:
    """Take the options that stand before the verb."""
    import logging

    from transmodal.commands._progress import quietly

    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s")
    log = logging.getLogger("transmodal")
    level = log.level
    context.call_on_close(lambda: log.setLevel(level))  # for whoever goes on in this process
    log.setLevel(logging.ERROR if quiet else logging.NOTSET)
    context.with_resource(quietly(quiet))


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; exit 0, or 2 usage, 3 input, 4 resources, 5 integrity, 6 a bug, 130 and 143 interrupted."""
    signal.signal(signal.SIGTERM, _terminate)
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def _terminate(number: int, _: FrameType | None) -> None:
    """End on SIGTERM as on Ctrl-C: everything is closed, and what is half-written removed.

    The processes that work for this one are asked to end as well; what they leave is cleared once they have. They are
    waited for here too: where one died first, as when a batch system ends all at once, the wait for the others may be
    the very call that this interrupts.
    """
    signal.signal(number, signal.SIG_IGN)  # a second one would interrupt the clearing
    # Imported by whoever began a child: the page of all verbs begins none.
    multiprocessing = sys.modules.get("multiprocessing")
    children = [] if multiprocessing is None else multiprocessing.active_children()
    for child in children:
        child.terminate()
    for child in children:
        child.join(_END_SECONDS)
    raise SystemExit(128 + number)


def run(arguments: list[str]) -> int:
    """Run one command and return its exit status; errors are one line on standard error."""
    try:
        # Typer would end in an error without words.
        arguments = _quiet_first(arguments) or ["--help"]
        result = get_command(app).main(arguments, prog_name="transmodal", standalone_mode=False)
    except TransmodalError as error:
        return _fail(error)
    except typer.TyperException as error:
        return _fail(_as_usage_error(error, arguments))
    except typer.Abort:
        result = INTERRUPTED
    except BrokenPipeError:
        return 0
    except Exception as error:
        return _unexpected(error)
    if result == INTERRUPTED:
        print("interrupted: the same command goes on from where it stopped", file=sys.stderr)
    return result if isinstance(result, int) else 0


def _quiet_first(arguments: list[str]) -> list[str]:
    """Return the words with `--quiet`, which is of no verb, in front of them."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    words = [word for word in arguments[:end] if word != "--quiet"]
    return arguments if len(words) == end else ["--quiet", *words, *arguments[end:]]


def _unexpected(error: Exception) -> int:
    """Say what was raised on no purpose: memory and the system's refusals in their words, all else as a bug."""
    from transmodal.storage import memory, outputs

    if memory.is_out_of_memory(error):
        return _fail(memory.shortage("memory ran out", _LESS_MEMORY))
    if isinstance(error, OSError) and error.errno in REFUSALS:
        return _fail(outputs.from_os_error(error))
    traceback.print_exc()
    print(
        f"error[E601]: {type(error).__name__}: a bug in transmodal. Report the lines above.", file=sys.stderr
    )
    return 6


def _fail(error: TransmodalError) -> int:
    print(error.line(), file=sys.stderr)
    return error.exit_status


def _as_usage_error(error: typer.TyperException, arguments: list[str]) -> UsageError:
    arguments = [word for word in arguments if word != "--quiet"]
    verb = arguments[0] if arguments and not arguments[0].startswith("-") else ""
    if verb and verb not in VERBS:
        return _unknown_verb(verb)
    message = " ".join(error.format_message().split()).rstrip(".")
    help_call = f"transmodal {verb} --help" if verb in VERBS else "transmodal --help"
    return UsageError("E001", message, f"a call as {help_call} describes", f"See {help_call}.")


def _unknown_verb(word: str) -> UsageError:
    near = SYNONYMS.get(word.lower())
    advice = f"Did you mean {near}?" if near else suggest(word, VERBS, "See transmodal --help.")
    if word.lower() == "help":
        advice = "Call transmodal --help, or transmodal VERB --help."
    return UsageError("E002", f"no verb {word!r}", "one that transmodal --help lists", advice)


def _show_version(is_requested: bool) -> None:
    if is_requested:
        print(f"transmodal {__version__}")
        raise typer.Exit
