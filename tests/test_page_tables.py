"""The tables of the documentation are those of the code and of the tests."""

from __future__ import annotations

import re

import fits
import page_tables
import page_times
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


def test_every_timing_that_was_printed_is_in_the_table():
    table = page_times.time_table()
    for run in ("survival", "mixed"):
        text = (page_tables.ROOT / "benchmarks" / "results" / f"{run}.txt").read_text(encoding="utf-8")
        assert text.count("bipstats whole") == len(page_times.timed(text))
        printed = re.findall(r"([0-9.]+) x kernel +([0-9.]+) x whole call", text)
        peers = [peer for *_, found in page_times.timed(text) for peer in found]
        assert [tuple(ratios) for *_, ratios in peers] == printed
        assert all(f"| {float(ratios[0]):.0f} |" in table for *_, ratios in peers if float(ratios[0]) >= 10)


def test_a_job_that_could_not_be_measured_has_no_row():
    text = "== Q: 1 rows, 1 events, 1 covariates\n\nCox; errors\n  kernel cox: not measured (no memory)\n"
    assert page_times.timed(text) == []
