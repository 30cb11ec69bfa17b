"""The recovery harness: its arithmetic, its page, and a small version of it."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from recovery import lessons, quick, report, results, run
from recovery.row import Found, Row
from recovery.rows import ROWS
from recovery.tally import Number, Tally, performance, share
from recovery.worlds import WORLDS, World
from scipy.stats import norm

import bipstats as bip

QUICK = {
    "belief, reference",
    "belief, one year, logit",
    "belief, one year, competing exits",
    "oracle, true regressors",
    "spread, oracle",
    "progression, least squares",
}
"""Rows of the small version."""


def test_page_agrees_with_committed_results():
    lines = results.read()
    assert report.PAGE.read_text(encoding="utf-8") == report.page(lines)
    old, missing = results.outdated(lines)
    print(f"older than the code: {old}\nno results yet: {missing}")


def test_worlds_quote_the_committed_results():
    texts = lessons.Lessons(results.read()).texts()
    assert {key: getattr(bip.scenarios()[key[0]], key[1]) for key in texts} == texts


def test_lessons_are_written_where_the_worlds_are_read(tmp_path):
    shutil.copytree(Path(bip.__file__).parent / "synthetic", tmp_path / "synthetic")
    said = bip.scenarios()
    same = {(world, "design"): said[world].design for world in ("E2", "F")}
    assert lessons.write(same, tmp_path / "synthetic") == []
    assert lessons.write({("F", "bias"): "None.", ("E2", "bias"): "No."}, tmp_path / "synthetic") == [
        "F.bias",
        "E2.bias",
    ]
    assert 'bias = "None."\n' in (tmp_path / "synthetic" / "worlds" / "F.toml").read_text(encoding="utf-8")
    assert '_E2_BIAS = (\n    "No."\n)\n' in (tmp_path / "synthetic" / "truth.py").read_text(encoding="utf-8")
    with pytest.raises(LookupError, match="not one"):
        lessons.write({("F", "moral"): "None."}, tmp_path / "synthetic")


@pytest.mark.parametrize("world", ["E2"])
def test_estimators_do_what_the_committed_results_say(world):
    rows = [row for row in ROWS if world in row.worlds and row.name in QUICK]
    assert quick.broken(world, rows, results.read(), studies=3) == []


def _draw(seed: int, size: int) -> pd.DataFrame:
    return pd.DataFrame({"x": np.random.default_rng(seed).normal(0.5, 1.0, size)})


def _mean(data: pd.DataFrame) -> dict[str, Found]:
    value, error = float(data["x"].mean()), float(data["x"].std() / np.sqrt(len(data)))
    return {"mean": Found(value, error, value - 1.96 * error, value + 1.96 * error)}


def _far_mean(data: pd.DataFrame) -> dict[str, Found]:
    return {"mean": replace(_mean(data)["mean"], estimate=float(data["x"].mean()) + 1.0)}


def _sometimes(data: pd.DataFrame) -> dict[str, Found]:
    if data["x"].iloc[0] > 1.5:
        raise bip.ModelError(f"the first of {len(data)} is large. Look at it.")
    return _mean(data)


def _truth(data: pd.DataFrame) -> float:
    return 0.5


@pytest.fixture
def small(monkeypatch, tmp_path):
    """A world of normal numbers with three rows."""
    monkeypatch.setattr(run, "JOURNALS", tmp_path / "large")
    world = World("numbers", "normal with mean .5", _draw, clients=40)
    rows = [
        Row("mean", ("numbers",), _mean, {"mean": _truth}, large=4_000),
        Row("third", ("numbers",), _mean, {"mean": _truth}, every=3, large=4_000),
        Row("sometimes", ("numbers",), _sometimes, {"mean": None}, large=400),
    ]
    monkeypatch.setitem(run.WORLDS, "numbers", world)
    monkeypatch.setattr(run, "ROWS", rows)
    return rows


def _run(rows, lines, studies):
    run.run("numbers", rows, lines, run.Plan(studies, large=3, show=False), lambda state: None)
    return {key: (line.limit, line.causal, line.tally) for key, line in lines.items()}


def test_adding_studies_gives_the_same_as_one_go(small):
    lines = {}
    _run(small, lines, 13)
    assert _run(small, lines, 60) == _run(small, {}, 60)


def test_a_row_added_later_runs_on_the_same_studies(small):
    lines = {}
    _run(small[:1], lines, 30)
    assert _run(small[:2], lines, 30) == _run(small[:2], {}, 30)


def test_large_studies_of_an_interrupted_run_are_not_made_again(small, monkeypatch):
    made = _run(small[:1], {}, 5)
    monkeypatch.setattr(run, "_large_study", None)
    assert _run(small[:1], {}, 5) == made


def test_every_third_study_is_counted(small):
    lines = {}
    _run(small, lines, 31)
    tallies = [lines["numbers", name, "mean"].tally for name in ("mean", "third")]
    assert [tally.n for tally in tallies] == [31, 10]


def test_failures_are_counted_with_their_reason(small):
    lines = {}
    _run(small[2:], lines, 60)
    tally = lines["numbers", "sometimes", "mean"].tally
    large = sum(_draw(seed, 40)["x"].iloc[0] > 1.5 for seed in range(1, 61))
    assert (tally.n, tally.failed) == (60 - large, large)
    assert tally.why == {"the first of ## is large": large}


def test_changed_estimators_begin_anew(small, monkeypatch):
    lines = {}
    _run(small[:1], lines, 30)
    changed = replace(small[0], estimator=_far_mean)
    monkeypatch.setattr(run, "ROWS", [changed])
    run.run("numbers", [changed], lines, run.Plan(10, large=3, show=False), lambda state: None)
    line = lines["numbers", "mean", "mean"]
    assert line.tally.n == 10
    assert line.limit.value > 1.4


def test_a_broken_estimator_is_seen(small, monkeypatch):
    lines = {}
    _run(small[:1], lines, 60)
    assert quick.broken("numbers", small[:1], lines, 3) == []
    broken = replace(small[0], estimator=_far_mean)
    monkeypatch.setattr(run, "ROWS", [broken])
    assert "Monte Carlo errors" in quick.broken("numbers", [broken], lines, 3)[0]


def test_results_survive_writing_and_reading(small, tmp_path):
    lines = {}
    _run(small, lines, 20)
    results.write(lines.values(), tmp_path / "results.csv")
    again = results.read(tmp_path / "results.csv")
    assert again.keys() == lines.keys()
    results.write(again.values(), tmp_path / "again.csv")
    assert (tmp_path / "results.csv").read_bytes() == (tmp_path / "again.csv").read_bytes()


def test_statistics_are_those_of_the_estimates():
    rng = np.random.default_rng(3)
    values, errors = rng.normal(0.3, 0.2, 50), rng.uniform(0.1, 0.3, 50)
    low, high = values - 1.96 * errors, values + 1.96 * errors
    tally = Tally()
    for number, one in enumerate(zip(values, errors, low, high, strict=True), start=1):
        tally.add(number, Found(*map(float, one)), 0.25, 0.4)
    found = performance(tally, Number(0.25, 0.0), Number(0.4, 0.0))
    significant = (low > 0) | (high < 0)
    mean_variance = (errors**2).mean()
    expected = {
        "bias, limit": (values.mean() - 0.25, values.std(ddof=1) / np.sqrt(50)),
        "bias, causal": (values.mean() - 0.4, values.std(ddof=1) / np.sqrt(50)),
        "empirical error": (values.std(ddof=1), values.std(ddof=1) / np.sqrt(98)),
        "reported error": (
            np.sqrt(mean_variance),
            (errors**2).std(ddof=1) / (2 * np.sqrt(50 * mean_variance)),
        ),
        "type M": (
            np.abs(values[significant]).mean() / 0.4,
            np.abs(values[significant]).std(ddof=1) / np.sqrt(significant.sum()) / 0.4,
        ),
    }
    for name, numbers in expected.items():
        assert (found[name].value, found[name].mc_error) == pytest.approx(numbers, rel=1e-9), name
    assert found["coverage, limit"].value == np.mean((low <= 0.25) & (high >= 0.25))
    assert found["coverage, causal"].value == np.mean((low <= 0.4) & (high >= 0.4))
    assert found["power"].value == significant.mean()
    assert found["type S"].value == np.mean(values[significant] < 0)


def test_shares_have_half_of_wilsons_interval_over_z():
    z = norm.ppf(0.975)
    k, n = 19, 20
    root = np.sqrt(k / n * (1 - k / n) / n + z**2 / (4 * n**2))
    assert share(k, n).mc_error == pytest.approx(root / (1 + z**2 / n), rel=1e-12)
    assert share(20, 20).mc_error > 0


def test_no_result_without_a_world_and_a_row():
    known = {(world, row.name, quantity) for row, world in results.pairs() for quantity in row.causal}
    assert set(results.read()) <= known


def test_fixed_caseworkers_are_the_same_in_every_study():
    one, other = (WORLDS["E2 fixed"].make(seed, 400).study.latent for seed in (1, 2))
    teams = [
        frame.drop_duplicates("caseworker").set_index("caseworker")[["caseworker_effect", "orientation"]]
        for frame in (one, other)
    ]
    both = teams[0].index.intersection(teams[1].index)
    assert len(both) == WORLDS["E2 fixed"].make(1, 400).study.assignments["caseworker"].nunique()
    assert teams[0].loc[both].equals(teams[1].loc[both])
    assert not one["vulnerability"].head(50).equals(other["vulnerability"].head(50))


def test_a_seed_of_the_caseworkers_own_is_the_one_they_have_anyway():
    assert bip.simulate(clients=200, rng=5, caseworkers_rng=5) == bip.simulate(clients=200, rng=5)
    assert bip.simulate(clients=200, rng=5, caseworkers_rng=6) != bip.simulate(clients=200, rng=5)


def test_an_impossible_seed_of_the_caseworkers_is_refused_by_name():
    with pytest.raises(bip.OptionError, match=r"caseworkers_rng=-1 must be None, a whole number"):
        bip.simulate(clients=200, rng=5, caseworkers_rng=-1)
