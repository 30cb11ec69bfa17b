"""The code that stands beside a row gives the row's estimate: every recipe is run as it is printed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from numpy.testing import assert_allclose

import bipstats as bip
from bipstats.replication.recipes import recipes
from bipstats.replication.result import Replication


@pytest.fixture(scope="module")
def study() -> bip.Study:
    return bip.simulate(clients=700, rng=4)


@pytest.fixture(scope="module")
def result(study: bip.Study) -> Replication:
    return bip.replicate(study, draws=20, progress=False)


def repeated(result: Replication) -> dict[str, float]:
    """What the recipes give, each text run once."""
    made = {code: _run(code) for code in dict.fromkeys(result.code.values())}
    return {name: made[code] for name, code in result.code.items()}


def _run(code: str) -> float:
    names: dict[str, object] = {}
    exec(code, names)
    return float(names["estimate"])  # type: ignore[arg-type]


def _check(result: Replication, made: dict[str, float]) -> None:
    rows = result.table.set_index("id")["estimate"].dropna()
    assert set(made) == set(rows.index)
    for name, value in made.items():
        assert_allclose(value, rows[name], rtol=1e-9, err_msg=name)


@pytest.mark.slow
def test_every_recipe_repeats_its_row_on_the_released_study(monkeypatch: pytest.MonkeyPatch) -> None:
    study = bip.load_synthetic()
    monkeypatch.setattr(bip, "read_study", lambda folder: study)
    _check(found := bip.replicate(study, draws=20, progress=False), repeated(found))


def test_recipes_run_from_a_folder_as_they_are_printed(
    study: bip.Study, result: Replication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a study that they were not written on; the first one reads it from its files."""
    study.to_folder(tmp_path / "study")
    monkeypatch.chdir(tmp_path)
    assert_allclose(_run(result.code["E02"]), result.table.set_index("id").loc["E02", "estimate"], rtol=1e-9)
    monkeypatch.setattr(bip, "read_study", lambda folder: study)
    _check(result, repeated(result))


def test_recipes_use_the_draws_of_the_report(result: Replication) -> None:
    assert "draws=20, rng=15" in result.code["E12"]
    assert not re.search(r"\b(DRAWS|SEED)\b", "".join(result.code.values()))


def test_a_row_without_an_estimate_has_no_code(result: Replication) -> None:
    assert not {"E13", "E28", "E29", "E30", "E31"} & set(result.code)


def test_terms_that_a_study_lacks_are_said_in_the_code(study: bip.Study) -> None:
    found = bip.replicate(study.subset(jobcentre="Aarhus"), draws=5, progress=False)
    assert "jobcentre" in found.table.set_index("id").loc["E02", "note"]
    assert "take those that the row's note names out of the formulas" in found.code["E02"]
    assert "take those" not in found.code["E34"]
    assert recipes(found.table.iloc[:0], 5, 1) == {}
