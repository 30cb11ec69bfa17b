"""Checks of the house itself, run by ``make lint``: file lengths, and docs/architecture.md against the tree."""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "bipstats"
LONGEST = 400
_ROOM = re.compile(r"^    ([a-z_]+)/ ", re.MULTILINE)


def long_files() -> list[str]:
    """Modules past the limit."""
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in PACKAGE.rglob("*.py")}
    return [
        f"{path.relative_to(ROOT)} has {lines} lines, more than {LONGEST}: would two files be clearer?"
        for path, lines in sorted(lengths.items())
        if lines > LONGEST
    ]


def architecture_gaps() -> list[str]:
    """Rooms that the page names and the tree lacks, or the other way round."""
    page = set(_ROOM.findall((ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")))
    tree = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    return [f"docs/architecture.md names {name}/, which does not exist" for name in sorted(page - tree)] + [
        f"docs/architecture.md does not name {name}/" for name in sorted(tree - page)
    ]


def main() -> int:
    """Print what is wrong; the exit status is the number of findings."""
    found = long_files() + architecture_gaps()
    for line in found:
        sys.stderr.write(line + "\n")
    return len(found)


if __name__ == "__main__":
    sys.exit(main())
