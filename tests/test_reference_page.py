"""docs/reference.md names everything that is public, and the index of how-to pages every one of them."""

import re
from pathlib import Path

import bipstats as bip

DOCS = Path(__file__).parent.parent / "docs"
PAGE = (DOCS / "reference.md").read_text(encoding="utf-8")


def test_every_public_name_is_on_the_page():
    listed = set(re.findall(r"^   ([\w.]+)$", PAGE, re.MULTILINE))
    functions = {f"codebook.{name}" for name in bip.codebook.__all__ if not name.isupper()}
    rooms = ("progression", "interventions", "caseworkers")
    functions |= {f"{room}.{name}" for room in rooms for name in getattr(bip, room).__all__}
    modules = {"codebook", *rooms, "__version__"}
    assert (set(bip.__all__) - modules) | functions - {"codebook.formula"} <= listed


def test_every_task_is_in_the_index():
    """One row in docs/how-to/index.md for each page beside it."""
    index = (DOCS / "how-to" / "index.md").read_text(encoding="utf-8")
    pages = {path.name for path in (DOCS / "how-to").glob("*.md")} - {"index.md"}
    assert pages == set(re.findall(r"^\|.*\[\]\(([\w-]+\.md)\) \|$", index, re.MULTILINE))
