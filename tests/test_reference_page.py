"""docs/reference.md names everything that is public."""

import re
from pathlib import Path

import bipstats as bip

PAGE = (Path(__file__).parent.parent / "docs" / "reference.md").read_text(encoding="utf-8")


def test_every_public_name_is_on_the_page():
    listed = set(re.findall(r"^   ([\w.]+)$", PAGE, re.MULTILINE))
    functions = {f"codebook.{name}" for name in bip.codebook.__all__ if not name.isupper()}
    functions |= {f"interventions.{name}" for name in bip.interventions.__all__}
    functions |= {f"caseworkers.{name}" for name in bip.caseworkers.__all__}
    modules = {"codebook", "interventions", "caseworkers", "__version__"}
    assert (set(bip.__all__) - modules) | functions - {"codebook.formula"} <= listed
