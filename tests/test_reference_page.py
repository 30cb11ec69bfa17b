"""docs/reference.md names everything that is public."""

import re
from pathlib import Path

import bipstats as bip

PAGE = (Path(__file__).parent.parent / "docs" / "reference.md").read_text(encoding="utf-8")


def test_every_public_name_is_on_the_page():
    listed = set(re.findall(r"^   ([\w.]+)$", PAGE, re.MULTILINE))
    functions = {f"codebook.{name}" for name in bip.codebook.__all__ if not name.isupper()}
    rooms = ("progression", "interventions", "caseworkers")
    functions |= {f"{room}.{name}" for room in rooms for name in getattr(bip, room).__all__}
    modules = {"codebook", *rooms, "__version__"}
    assert (set(bip.__all__) - modules) | functions - {"codebook.formula"} <= listed
