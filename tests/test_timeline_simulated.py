"""The timeline against a simulated study's own histories, against a small study by another hand, and its examples."""

from __future__ import annotations

import doctest
import importlib

import pandas as pd
import pytest
from tiny import tiny_study

import bipstats as bip
from bipstats.codebook import dream
from bipstats.register.outcomes import outcomes


@pytest.fixture(scope="module")
def study() -> bip.Study:
    return bip.simulate(clients=1000, rng=7, latent=True)


def test_exits_are_those_that_the_generator_made(study: bip.Study) -> None:
    latent = study.latent.groupby("client")[["exit", "exit_week"]].last().reindex(study.clients["client"])
    found = outcomes(study).set_index("client")
    kinds = {**dream().exits, "job": "job", "education": "education", "censored": "censored"}
    seen = (latent["exit"] != "censored") & (latent["exit_week"] <= found["data_end"])
    assert seen.sum() > 300
    made = latent["exit"].astype(object).map(kinds).where(seen, "censored")
    assert found["exit"].astype(object).tolist() == made.tolist()
    assert found["week"].tolist() == latent["exit_week"].where(seen, found["data_end"]).tolist()


def test_spells_carry_the_caseworkers_that_the_generator_assigned(study: bip.Study) -> None:
    rows = bip.spells(study)[["client", "caseworker", "start", "stop"]]
    latent = study.latent[["client", "quarter", "caseworker"]]
    # The truth names the caseworker at the start of each quarter.
    at = rows.merge(latent.assign(week=13 * latent["quarter"]), on="client", suffixes=("", "_made"))
    at = at[(at["start"] <= at["week"]) & (at["week"] < at["stop"])]
    assert len(at) > 3000
    assert (at["caseworker"] == at["caseworker_made"].astype(str)).all()


def test_a_study_by_another_hand() -> None:
    small = tiny_study()
    ends = outcomes(small).set_index("client")
    # k1 enrolled in 2014-W02 and has a job from July 2014, whose first week by its Thursday is W27; k2 enrolled in
    # W06, education from W30; k3 enrolled in W07 of 2014 (52 weeks), pension in W10 of 2015: 45 + 10.
    assert ends["exit"].tolist() == ["job", "education", "pension", "censored", "censored", "censored"]
    assert ends["week"].tolist()[:3] == [25, 24, 55]
    spells = bip.spells(small)
    assert spells.groupby("client")["event"].sum().tolist() == [1, 1, 0, 0, 0, 0]
    assert spells.groupby("client")["switched"].max().tolist() == [0, 0, 0, 1, 0, 0]
    periods = bip.person_periods(spells)
    assert periods["event"].sum() == 2
    assert bip.transitions(small)["client"].tolist() == ["k1", "k2", "k3", "k4", "k5", "k6"]
    assert bip.landmarks(small)["entered"].tolist() == [1, 1, 0, 0, 0, 0]


@pytest.mark.parametrize("outcome", ["job_or_education", "job", "education"])
def test_the_states_account_for_every_exit(study: bip.Study, outcome: str) -> None:
    ends = outcomes(study, outcome, sustained_weeks=1).set_index("client")
    runs = bip.register_states(study)
    exits = {**dream().exits, "job": "job", "education": "education"}
    begins = runs[(runs["start_week"] > 0) & (runs["state"].astype(str).map(exits) != "")]
    first = begins.groupby("client")["start_week"].min().reindex(ends.index)
    seen = first <= ends["data_end"]
    assert (ends["risk_start"] == 0).all()
    assert ends["week"].tolist() == first.where(seen, ends["data_end"]).tolist()
    assert ((ends["exit"] != "censored") == seen).all()


def test_frames_survive_parquet(study: bip.Study, tmp_path) -> None:
    frame = bip.spells(study)
    frame.to_parquet(tmp_path / "spells.parquet")
    back = pd.read_parquet(tmp_path / "spells.parquet")
    # Only the storage of text may change on the way.
    pd.testing.assert_frame_equal(back.astype(frame.dtypes.to_dict()), frame)
    assert [str(dtype) for dtype in back.dtypes] == [str(dtype) for dtype in frame.dtypes]
    assert back.attrs == frame.attrs


MODULES = (
    "register.states",
    "register.outcomes",
    "timeline.spells",
    "timeline.person_periods",
    "timeline.landmarks",
    "timeline.transitions",
)


@pytest.mark.parametrize("name", [*MODULES, "interventions.windows"])
def test_examples_run(name: str) -> None:
    module = importlib.import_module(f"bipstats.{name}")
    failed, attempted = doctest.testmod(module)
    assert attempted > 0
    assert failed == 0
