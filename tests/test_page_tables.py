"""The tables of the documentation are those of the code and of the tests."""

from __future__ import annotations

import re

import fits
import page_tables
import pytest
from page_tables import AGREES, EXPLAINS, TABLES, TESTS

import bipstats as bip


@pytest.mark.parametrize("page", TABLES)
def test_the_pages_tables_are_up_to_date(page):
    """If not: python tests/page_tables.py."""
    assert page_tables.filled(page, TABLES[page]) == (page_tables.ROOT / page).read_text(encoding="utf-8")


def test_every_model_has_a_row():
    assert {name.partition(",")[0] for name in fits.FITS} == {name.partition("(")[0] for name in EXPLAINS}
    results = {fits.FITS[which].result for which, _, _ in EXPLAINS.values()}
    assert results == {case.result for case in fits.FITS.values()}


@pytest.mark.parametrize(("what", "ours", "theirs", "packages", "reference", "tests"), AGREES)
def test_what_agrees_with_r_is_in_r_and_in_a_test(what, ours, theirs, packages, reference, tests):
    script = (TESTS / "reference" / f"{reference}.R").read_text(encoding="utf-8")
    for name in [*theirs.split(", "), *filter(None, packages.split(", "))]:
        assert re.search(rf"\b{re.escape(name)}\b", script), f"{reference}.R does not use {name}"
    found = bip
    for part in ours.partition("(")[0].split("."):
        found = getattr(found, part)
    assert 0 < page_tables.tolerance(tests) <= 1e-3


def test_every_reference_is_in_the_table():
    """But those that are studies in other formats."""
    scripts = {path.stem for path in (TESTS / "reference").glob("*.R")} - {"labelled"}
    assert scripts == {reference for *_, reference, _ in AGREES}


def test_a_refused_covariance_is_no_yes():
    lines = page_tables.error_table().splitlines()
    penalised = next(line for line in lines if "firth" in line)
    assert penalised.count("yes") == 1
    assert "CR2" in lines[0] and lines[0].count("|") == penalised.count("|")
