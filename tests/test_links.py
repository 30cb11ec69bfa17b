"""The link check: what is a link, what is a DOI, and a missing network that is no dead link."""

from __future__ import annotations

import links
import pytest


def test_what_can_be_seen_without_a_network_is_in_order():
    assert links.offline() == []


def test_every_place_has_addresses_or_says_none():
    found = {path.name for path in links.files() if links.addresses(path.read_text(encoding="utf-8"))}
    assert {"bibliography.md", "sources.toml"} <= found


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("(see https://a.dk/b).", "https://a.dk/b"),
        (
            "[x](https://doi.org/10.1016/S0304-4076%2899%2900064-0)",
            "https://doi.org/10.1016/S0304-4076%2899%2900064-0",
        ),
        ("https://a.dk/b_(c), and", "https://a.dk/b_(c)"),
        ("<http://a.dk/?x=1&y=2>", "http://a.dk/?x=1&y=2"),
    ],
)
def test_an_address_ends_where_it_ends(text, address):
    assert links.addresses(text) == [address]


def test_addresses_of_examples_and_patterns_are_nobodys():
    assert (
        links.addresses('xmlns="http://www.w3.org/2000/svg" https://example.org/x https://a.dk/{name}') == []
    )


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("[doi:10.1002/sim.8086](https://doi.org/10.1002/sim.8086)", []),
        ("[doi:10.1016/S0140-6736(86)90837-8](https://doi.org/10.1016/S0140-6736%2886%2990837-8)", []),
        ("doi:10.1002/sim.8086.", []),
        ("doi:11.1002/sim", ["doi:11.1002/sim is no DOI"]),
        ("https://doi.org/sim.8086", ["https://doi.org/sim.8086 is no DOI"]),
        (
            "[doi:10.1002/sim.1](https://doi.org/10.1002/sim.2)",
            ["doi:10.1002/sim.1 is linked to https://doi.org/10.1002/sim.2"],
        ),
    ],
)
def test_dois(text, found):
    assert links.ill_formed(text) == found


def _answers(**kinds):
    return lambda address: (kinds[address], "why")


@pytest.mark.parametrize(
    ("kinds", "status", "last"),
    [
        ({"a": "works", "b": "works"}, 0, "2 of 2 addresses work."),
        ({"a": "works", "b": "dead"}, links.DEAD, "1 of 2 addresses work."),
        ({"a": "works", "b": "unclear"}, 0, "1 of 2 addresses work."),
        ({"a": "works", "b": "unreached"}, 0, "1 of 2 addresses work."),
        (
            {"a": "unreached", "b": "unreached"},
            links.NO_NETWORK,
            "No network (why): none of 2 addresses was checked.",
        ),
        ({}, 0, "0 addresses."),
    ],
)
def test_a_missing_network_is_told_from_a_dead_link(kinds, status, last):
    found, lines = links.judge({address: ["page.md"] for address in kinds}, _answers(**kinds))
    assert (found, lines[-1]) == (status, last)
    named = [] if status == links.NO_NETWORK else [kind for kind in kinds.values() if kind != "works"]
    assert [line.partition(":")[0] for line in lines[:-1]] == named


def test_nobody_at_home_is_unreached():
    assert links.ask("http://127.0.0.1:9/")[0] == "unreached"


def test_links_of_the_front_page_to_nowhere_are_named(tmp_path):
    page = tmp_path / "README.md"
    page.write_text("[a](docs/none.md#top) [b](README.md) [c](https://a.dk)", encoding="utf-8")
    assert links.missing_files(page) == ["docs/none.md does not exist"]
