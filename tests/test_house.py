"""The checks of the house notice what they are there for."""

from __future__ import annotations

import house
import pytest

PAGE = (house.ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


def test_the_house_is_in_order():
    assert house.architecture_gaps() == house.architecture_modules() == house.unlisted_rooms() == []


def test_a_module_that_the_page_forgets_is_noticed():
    found = house.architecture_modules(PAGE.replace("`seeds.py`, ", ""))
    assert found == ["docs/architecture.md does not name seeds.py"]


@pytest.mark.parametrize("name", ["core/dessign.py", "attic/", "codebook/*.xml"])
def test_what_is_nowhere_is_noticed(name):
    found = house.architecture_modules(f"{PAGE}\n\nSee `{name}`.\n")
    assert found == [f"docs/architecture.md names {name}, which does not exist"]


def test_patterns_and_folders_of_the_checkout_are_found():
    assert (
        house.architecture_modules(f"{PAGE}\n\n`codebook/*.toml`, `tests/recovery/`, `models/kernels/`\n")
        == []
    )
