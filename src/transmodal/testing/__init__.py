"""Contracts that every translator, layout and metric keeps, as tests for whoever adds one from outside.

Comes in: the name of a part that a distribution announces. Goes out: the tests that transmodal's own parts pass.
Open first: `translator.py`; `suite.py` runs the parts that options name.

    pytest -p transmodal.testing --transmodal-translator srcnn --transmodal-set width=4
"""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.register_assert_rewrite(
    *(f"{__name__}.{contract}" for contract in ("translator", "layout", "metric", "suite"))
)

KINDS = ("translator", "layout", "metric")
"""Options `--transmodal-KIND`, each run by the class of its name in `suite`."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options that name parts."""
    group = parser.getgroup("transmodal", "contracts of parts for transmodal")
    for kind in KINDS:
        group.addoption(
            f"--transmodal-{kind}", action="append", default=[], metavar="NAME", help=f"A {kind} to test."
        )
    group.addoption(
        "--transmodal-set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="A setting of the translators, such as width=4, that makes them small.",
    )
    group.addoption(
        "--transmodal-example",
        metavar="FOLDER",
        help="A small folder of the layout, of two patients or more; needless for one that writes.",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(
    session: pytest.Session, config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Add the contracts of the parts that are named to what was collected, before options select among it."""
    classes = {f"Test{kind.capitalize()}" for kind in KINDS if config.getoption(f"--transmodal-{kind}")}
    if not classes:
        return
    # As a node of its own: an environment below the folder of the tests is not collected.
    suite = pytest.Module.from_parent(session, path=Path(__file__).parent / "suite.py")
    items += [item for item in session.genitems(suite) if item.nodeid.split("::")[-2] in classes]
