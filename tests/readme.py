"""Run by ``make readme``: writes the README's lines of the ledger and its picture from the command's own report."""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

from bipstats.cli import main

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
PICTURE = ROOT / "docs" / "images" / "ledger.png"

_COLUMNS = 4
"""Of a printed line: figure, verdict, published, estimate; the figure in words comes after them."""


def report(out: Path) -> tuple[str, Path]:
    """Run the command on the packaged study: what it prints, and the picture that it draws."""
    printed = StringIO()
    with redirect_stdout(printed):
        status = main(["replicate", "--out", str(out)])
    if status != 0:
        raise RuntimeError(f"bipstats replicate ended with status {status}")
    return printed.getvalue(), out / "figures" / "forest.png"


def block(kind: str, page: str) -> re.Match[str]:
    """The page's first block of code of this kind; its group is what stands between the fences."""
    found = re.search(rf"```{kind}\n(.*?)```", page, re.DOTALL)
    if found is None:
        raise RuntimeError(f"{README.name} holds no block of {kind}")
    return found


def ledger_lines(quoted: str, printed: str) -> str:
    """The figures that are quoted, as they are printed now, in columns as narrow as they can be."""
    rows = {
        cells[0]: cells[:_COLUMNS] for cells in map(_cells, printed.splitlines()) if len(cells) > _COLUMNS
    }
    names = [_cells(line)[0] for line in quoted.splitlines()]
    if unknown := [name for name in names if name not in rows]:
        raise RuntimeError(f"{README.name} quotes what the command does not print: {', '.join(unknown)}")
    widths = [max(len(rows[name][place]) for name in names) for place in range(_COLUMNS)]
    lines = (
        "  ".join(f"{cell:{width}}" for cell, width in zip(rows[name], widths, strict=True)) for name in names
    )
    return "".join(line.rstrip() + "\n" for line in lines)


def _cells(line: str) -> list[str]:
    return re.split(r"\s{2,}", line.strip())


def write(page: str, printed: str) -> str:
    """The page with the lines of the ledger as they are printed now."""
    quoted = block("text", page)
    return page[: quoted.start(1)] + ledger_lines(quoted[1], printed) + page[quoted.end(1) :]


if __name__ == "__main__":
    before = README.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        printed, picture = report(Path(folder) / "report")
        after = write(before, printed)
        README.write_text(after, encoding="utf-8", newline="\n")
        shutil.copyfile(picture, PICTURE)
    sys.stdout.write(
        f"{README.name}: {'unchanged' if after == before else 'rewritten'}; {PICTURE.name} drawn\n"
    )
