"""Run by ``make notebooks``: each .ipynb has the cells of the .py beside it, and no stored output."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent.parent / "notebooks"


def differences() -> list[str]:
    """Pairs that are not equal, and notebooks with output."""
    import jupytext

    found = []
    for page in sorted(FOLDER.glob("*.ipynb")):
        notebook, script = jupytext.read(page), jupytext.read(page.with_suffix(".py"))
        if _cells(notebook) != _cells(script):
            found.append(
                f"{page.name} differs from its .py; edit the .py, then: jupytext --sync notebooks/*.py"
            )
        if any(cell.get("outputs") for cell in notebook.cells):
            found.append(f"{page.name} holds output; clear it before it is committed")
    return found


def _cells(notebook: Any) -> list[tuple[str, str]]:
    return [(cell["cell_type"], cell["source"]) for cell in notebook.cells]


if __name__ == "__main__":
    wrong = differences()
    for line in wrong:
        sys.stderr.write(line + "\n")
    sys.exit(len(wrong))
