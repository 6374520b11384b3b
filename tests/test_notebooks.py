"""The notebooks of the documentation are kept without outputs, and run from top to bottom as Jupyter runs them."""

from __future__ import annotations

from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat", reason="needs nbformat, of the extra test")
nbclient = pytest.importorskip("nbclient", reason="needs nbclient, of the extra test")
pytest.importorskip("ipykernel", reason="needs ipykernel, of the extra test")

FOLDER = Path(__file__).parents[1] / "docs" / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_kept_without_outputs(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert code
    assert not [cell.source for cell in code if cell.outputs or cell.execution_count is not None]
    page = (FOLDER.parent / "how-to" / "notebooks.md").read_text(encoding="utf-8")
    assert f"../notebooks/{path.name}" in page


@pytest.mark.slow
def test_two_models_are_trained_looked_at_and_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    notebook = nbformat.read(FOLDER / "train-look-compare.ipynb", as_version=4)
    resources = {"metadata": {"path": str(tmp_path)}}
    client = nbclient.NotebookClient(notebook, timeout=None, kernel_name="python3", resources=resources)
    with client.setup_kernel():
        outputs = [
            output
            for n, cell in enumerate(notebook.cells)
            if cell.cell_type == "code"
            for output in client.execute_cell(cell, n).outputs
        ]
    kinds = {kind for output in outputs for kind in output.get("data", {})}
    assert {"image/png", "application/vnd.jupyter.widget-view+json", "text/markdown"} <= kinds
    tables = [output.data["text/markdown"] for output in outputs if "text/markdown" in output.get("data", {})]
    assert len(tables) == 2
    for table in tables:
        assert {"pix2pix", "unet_regression", "lookup"} <= {word.strip("|* ") for word in table.split()}
    shown = "\n".join(output.get("data", {}).get("text/plain", "") for output in outputs)
    assert "train: 40/40" in shown  # progress, as lines of a cell
    assert (tmp_path / "notebook" / "fa.nii.gz").is_file()
