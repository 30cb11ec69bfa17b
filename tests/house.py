"""Checks of the house, run by ``make lint``: file lengths; docs/architecture.md and contracts against the tree."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "bipstats"
LONGEST = 400
_ROOM = re.compile(r"^    ([a-z_]+)/ ", re.MULTILINE)
_NAMED = re.compile(r"`([\w./*]+(?:/|\.\w+))`")


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


def architecture_modules(page: str | None = None) -> list[str]:
    """Modules beside the rooms that the page forgets, and whatever it names that is nowhere."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8") if page is None else page
    named = set(_NAMED.findall(text))
    tree = {path.name for path in PACKAGE.glob("*.py")} - {"__init__.py", "__main__.py"}
    nowhere = {name for name in _NAMED.findall(text) if not _somewhere(name)}
    return [f"docs/architecture.md does not name {name}" for name in sorted(tree - named)] + [
        f"docs/architecture.md names {name}, which does not exist" for name in sorted(nowhere)
    ]


def _somewhere(name: str) -> bool:
    """Whether the package or the checkout has such a file or folder."""
    return any(any(where.glob(name)) for where in (PACKAGE, ROOT))


def unlisted_rooms() -> list[str]:
    """Rooms that no contract of imports speaks of."""
    rules = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    bound = {
        name.split(".")[1] for rule in rules["contracts"] for name in rule["source_modules"] if "." in name
    }
    free = {"replication", "calibration"}  # they may use everything
    rooms = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    return [
        f"no contract in pyproject.toml says what {name} may import" for name in sorted(rooms - bound - free)
    ]


def main() -> int:
    """Print what is wrong; the exit status is the number of findings."""
    found = long_files() + architecture_gaps() + architecture_modules() + unlisted_rooms()
    for line in found:
        sys.stderr.write(line + "\n")
    return len(found)


if __name__ == "__main__":
    sys.exit(main())
