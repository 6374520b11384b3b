"""What the documentation promises is there: commands, links, recipes, the two lines of the README."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest
import yaml

import transmodal
from transmodal import cli, translators
from transmodal.recipes import load

ROOT = Path(__file__).parent.parent
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "SECURITY.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]
pages = pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))


def commands(text: str) -> list[list[str]]:
    lines = re.findall(r"^(?:    )*transmodal ([a-z-]+)([^\n#|]*)", text, flags=re.MULTILINE)
    return [[verb, *rest.split()] for verb, rest in lines]


@pages
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        if not target.startswith(("http://", "https://")):
            assert (page.parent / target).exists(), target


@pages
def test_commands_exist_with_their_options(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for verb, *rest in commands(page.read_text(encoding="utf-8")):
        assert verb in cli.VERBS, verb
        assert cli.run([verb, "--help"]) == 0
        shown = capsys.readouterr().out
        for word in rest:
            if word.startswith("--"):
                assert word.split("=")[0] in shown, f"{verb} {word}"
        if verb == "train":
            recipe = rest[0]
            assert recipe.endswith(".yaml") or recipe in load.names() or recipe == "\\", recipe


def open_tool(name: str) -> ModuleType:
    """Import one of the project's tools."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_navigation_shows_every_page_once_and_new_ones_by_themselves(tmp_path: Path) -> None:
    navigation = open_tool("docs_navigation")
    site = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    pages = sorted(str(path.relative_to(ROOT / "docs")) for path in (ROOT / "docs").rglob("*.md"))
    for page in pages:
        (tmp_path / page).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / page).touch()
    new = ["papers/new_paper.md", "how-to/new-way.md", "reference/api/new_package.md"]
    for page in new:
        (tmp_path / page).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / page).touch()
    complete = navigation.complete(site["nav"], tmp_path)
    assert sorted(re.findall(r"[\w/-]+\.md", yaml.safe_dump(complete))) == sorted([*pages, *new])
    (ways,) = (entry["How to"] for entry in complete if "How to" in entry)
    assert "how-to/new-way.md" in ways[-1][navigation.UNGROUPED]
    (reference,) = (entry["Reference"] for entry in complete if "Reference" in entry)
    assert "reference/api/new_package.md" in reference[-1]["Python"]


@pages
def test_lists_and_tables_stand_apart(page: Path) -> None:
    """Without an empty line before it the site draws a list or a table as one paragraph of dashes and bars."""
    last, is_code = "", False
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), start=1):
        if last.strip() and not is_code:
            goes_on = re.match(r"(?:[-*]|\d+\.) |\s|#|<!--|\|", last)
            assert goes_on or not re.match(r"(?:[-*]|\d+\.) |\|", line), f"{page.name}:{number}"
        is_code ^= line.lstrip().startswith("```")
        last = line


@pages
def test_shells_do_not_take_extras_for_patterns(page: Path) -> None:
    """Zsh looks for files where brackets are not quoted."""
    assert not re.search(r"pip install [^'\"\n]*transmodal\[", page.read_text(encoding="utf-8"))


def test_ways_are_grouped_and_no_group_is_long() -> None:
    """Forty pages in one list are read by nobody: each stands in a group of a few."""
    site = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    (ways,) = (entry["How to"] for entry in site["nav"] if "How to" in entry)
    assert all(isinstance(group, dict) for group in ways)
    sizes = {title: len(group[title]) for group in ways for title in group}
    assert max(sizes.values()) <= 10, sizes


def test_the_table_of_papers_has_every_translator() -> None:
    table = open_tool("docs_navigation").table(ROOT / "docs/papers")
    for name in translators.names():
        assert f"| [{name}]({name}.md) | " in table


def test_the_reference_is_what_the_code_says() -> None:
    stale = [
        path.name
        for path, text in open_tool("write_reference").pages().items()
        if not path.is_file() or path.read_text("utf-8") != text
    ]
    assert not stale, "python tools/write_reference.py"


def test_the_reference_of_python_has_every_function_of_the_package() -> None:
    page = (ROOT / "docs/reference/api/index.md").read_text(encoding="utf-8")
    for module in transmodal._ROOMS.values():
        assert f"::: {module}\n" in page
    for name in set(transmodal.__all__) - {"__version__", *transmodal._ROOMS}:
        assert re.search(rf"^::: transmodal\.[\w.]+\.{name}$", page, re.MULTILINE), name


def test_the_files_that_answer_are_there() -> None:
    page = (ROOT / "docs/concepts/house.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| ") and "question" not in line]
    assert len(rows) == 11
    for row in rows:
        paths = re.findall(r"`(src/[\w/.-]+)`", row)
        assert paths, row
        assert all((ROOT / path).is_file() for path in paths), row


def test_no_page_of_the_site_links_to_what_is_outside_of_it() -> None:
    docs = (ROOT / "docs").resolve()
    for page in sorted(docs.rglob("*.md")):
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            if not target.startswith(("http://", "https://")):
                assert (page.parent / target).resolve().is_relative_to(docs), f"{page.name}: {target}"


def test_the_sites_page_of_licences_is_the_repositorys() -> None:
    page, file = ROOT / "docs/concepts/data-licences.md", ROOT / "DATA_LICENSES.md"
    assert page.read_text(encoding="utf-8") == file.read_text(encoding="utf-8")


def test_the_demos_time_is_the_same_wherever_it_stands(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["demo", "--help"]) == 0
    shown = {
        "--help": capsys.readouterr().out.replace("│", " "),
        **{
            name: (ROOT / name).read_text(encoding="utf-8")
            for name in ("README.md", "docs/get-started/demo.md")
        },
    }
    for where, text in shown.items():
        words = " ".join(text.split())
        assert "6.4 minutes on two idle cores" in words, where
        assert not re.search(r"about \w+ minutes", words), where


def test_the_readmes_lines_are_single_and_the_ci_runs_the_second() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    demo = re.search(r"<!-- demo-line -->\n```bash\n(.+)\n```", text)
    test = re.search(r"<!-- test-line -->\n```bash\n(.+)\n```", text)
    assert demo is not None
    assert demo[1].endswith("transmodal demo")
    assert test is not None
    assert "-c constraints.txt" in demo[1]
    assert "pytest" in test[1]
    assert "<!-- test-line -->" in (ROOT / ".ci/run").read_text(encoding="utf-8")


def test_constraints_hold_every_dependency_and_no_local_build() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    pinned = {
        line.split("==")[0].lower().replace("_", "-")
        for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    }
    wanted = project["dependencies"] + project["optional-dependencies"]["test"]
    names = {re.split(r"[<>=\[!~ ]", one)[0].lower() for one in wanted}
    assert names <= pinned
    assert "+cpu" not in (ROOT / "constraints.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "group",
    [
        "dependencies",
        "cluster",
        "diffusion",
        "matlab",
        "export",
        "engines",
        "view",
        "service",
        "mlflow",
        "wandb",
        "benchmarks",
        "judge",
        "tools",
    ],
)
def test_every_dependency_of_the_package_is_used_by_it(group: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    groups = {"dependencies": project["dependencies"], **project["optional-dependencies"]}
    assert groups.keys() == {
        "dependencies",
        "cluster",
        "dicom",
        "diffusion",
        "matlab",
        "export",
        "view",
        "service",
        "mlflow",
        "wandb",
        "engines",
        "judge",
        "tools",
        "audit",
        "benchmarks",
        "test",
        "docs",
    }
    folder = ROOT / {"tools": "tools", "judge": "tools", "benchmarks": "benchmarks"}.get(group, "src")
    code = "\n".join(path.read_text(encoding="utf-8") for path in folder.rglob("*.py"))
    modules = {
        "lightning-fabric": "lightning_fabric",
        "pillow": "PIL",
        "pytorch-msssim": "pytorch_msssim",
        "scikit-image": "skimage",
        "PyYAML": "yaml",
        "mlflow-skinny": "mlflow",
        "tensorboard": "torch.utils.tensorboard",
    }
    for requirement in groups[group]:  # that of `dicom` is imported by pydicom alone
        name = re.split(r"[<>=\[!~ ]", requirement)[0]
        module = modules.get(name, name)
        assert re.search(rf"(import|from) {re.escape(module)}\b|\"{module}[.\"]", code), name


def test_the_page_of_installing_has_every_extra_for_users() -> None:
    table = set(
        re.findall(
            r"^\| `(\w+)` \|",
            (ROOT / "docs/get-started/install.md").read_text(encoding="utf-8"),
            re.MULTILINE,
        )
    )
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for_developers = {"test", "audit", "docs", "benchmarks", "judge", "tools"}
    assert table == set(project["optional-dependencies"]) - for_developers


def test_pythons_example_of_the_readme_names_what_is_there() -> None:
    code = (
        "import transmodal; rooms = {n: getattr(transmodal, n) for n in transmodal._ROOMS}; "
        "doors = [getattr(transmodal, n) for n in transmodal.__all__ if n[0] != '_' and n not in rooms]; "
        "doors += [getattr(room, n) for room in rooms.values() for n in room.__all__]; "
        "print(all(callable(door) for door in doors))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True"


def test_the_papers_pages_show_the_figures_that_were_measured() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "write_results.py"), "--check"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture
def tool(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(ROOT / "tools")
    return open_tool("write_results")


def test_a_table_that_was_changed_by_hand_is_noticed(tool: ModuleType) -> None:
    text = f"before\n{tool.BEGIN}\nold\n{tool.END}\nafter\n"
    written = tool.with_table(text, "new")
    assert written == f"before\n{tool.BEGIN}\nnew\n{tool.END}\nafter\n"
    assert tool.with_table(written, "new") == written
    with pytest.raises(SystemExit):
        tool.with_table("no marks", "new")


def test_a_search_shows_what_validation_chose(tool: ModuleType) -> None:
    figures = {"mae": 0.0612345, "psnr": 21.049, "ssim": 0.74251}
    content = {
        "recipe": "t1-to-fa-small",
        "seed": 2024,
        "commit": "0123456789abcdef",
        "cohort": {"digest": "fedcba9876543210", "cases": {"train": 16, "validation": 2, "test": 4}},
        "candidates": {
            "as before": {"changes": [], "steps": 800, "validation": figures, "test": figures},
            "wide": {"changes": ["settings.width=64"], "steps": 2400, "validation": figures},
        },
        "chosen": "wide",
        "oracles": {"validation": {"lookup": figures}, "test": {"lookup": figures}},
    }
    shown = tool.search_table.table(content)
    assert "| as before | 800 | 0.06123 | 21.05 | 0.743 | 0.06123 | 21.05 | 0.743 |" in shown
    assert "| **wide** | 2400 | 0.06123 | 21.05 | 0.743 |  |  |  |" in shown
    assert "| *lookup* | - |" in shown
    assert "MAE (FA)" in shown
    assert "`settings.width=64`" in shown


def test_the_page_of_results_shows_every_benchmark_that_was_run(
    tool: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin, end = tool.BENCHMARKS
    page = tmp_path / "results.md"
    page.write_text(f"# Results\n{begin}\nby hand\n{end}\n")
    monkeypatch.setattr(tool, "DOCS", tmp_path)
    monkeypatch.setattr(tool.benchmarks, "page", lambda content: f"table of {content['suite']}")
    monkeypatch.setattr(sys, "argv", ["write_results.py", "--check"])
    with pytest.raises(SystemExit, match=r"results\.md"):
        tool.main()

    monkeypatch.setattr(sys, "argv", ["write_results.py"])
    tool.main()
    assert page.read_text() == f"# Results\n{begin}\n{tool.NO_BENCHMARK}\n{end}\n"
    (tmp_path / "results" / "benchmarks").mkdir(parents=True)
    for name in ("b", "a"):
        (tmp_path / "results" / "benchmarks" / f"{name}.json").write_text(f'{{"suite": "{name}"}}')
    tool.main()
    assert page.read_text() == f"# Results\n{begin}\ntable of a\n\ntable of b\n{end}\n"


def test_the_page_of_promises_shows_what_was_measured() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "write_promises.py"), "--check"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_the_page_of_performance_shows_what_was_measured() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "write_performance.py"), "--check"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def test_the_pages_of_studies_show_what_was_measured() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "write_studies.py"), "--check"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_a_studys_page_says_first_that_its_subjects_are_virtual() -> None:
    tool = open_tool("write_studies")
    page = tool.with_origin("# A\n\n- finding\n\n**How to read it.** Slowly.\n\n## Table\n")
    assert page.startswith("# A\n\n- finding\n\n*Virtual subjects")
    assert page.endswith("\n\n**How to read it.** Slowly.\n\n## Table\n")
    anchor = tool.MADE.split("(../how-to/study.md#")[1].split(")")[0]
    titles = (ROOT / "docs" / "how-to" / "study.md").read_text(encoding="utf-8")
    assert anchor in {
        line.lstrip("# ").lower().replace(" ", "-") for line in titles.splitlines() if line[:1] == "#"
    }


def test_a_studys_page_that_was_changed_or_has_no_record_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = open_tool("write_studies")
    monkeypatch.setattr(tool, "DOCS", tmp_path)
    (tmp_path / "studies").mkdir()
    monkeypatch.setattr(sys, "argv", ["write_studies.py"])
    tool.main()
    index = tmp_path / "studies" / "index.md"
    assert "| biology | " in index.read_text(encoding="utf-8")
    (tmp_path / "studies" / "biology-9.svg").write_text("old")
    index.write_text("by hand")
    monkeypatch.setattr(sys, "argv", ["write_studies.py", "--check"])
    with pytest.raises(SystemExit, match=r"index\.md, biology-9\.svg"):
        tool.main()
    monkeypatch.setattr(sys, "argv", ["write_studies.py"])
    tool.main()
    assert [path.name for path in (tmp_path / "studies").iterdir()] == ["index.md"]


def test_every_ablation_has_a_page_with_marks(tool: ModuleType) -> None:
    from transmodal.experiments.ablation.plan import LIBRARY

    for name in LIBRARY.names():
        text = tool.page_of(name).read_text(encoding="utf-8")
        for mark in tool.marks_of(name):
            assert text.count(mark) == 1, (name, mark)
