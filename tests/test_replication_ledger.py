"""The ledger on simulated studies, whole and broken."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import bipstats as bip
from bipstats.replication.analyses import ANALYSES
from bipstats.replication.estimate import Estimate, Quantities, Unavailable
from bipstats.replication.ledger import COLUMNS, DETAIL_COLUMNS, calibration, ledger
from bipstats.replication.replicate import Replication
from bipstats.replication.targets import targets
from bipstats.replication.verdict import CALIBRATED, VERDICTS

INCOMPARABLE = ("E04", "E10", "E11", "E12", "E13", "E14", "E15", "E28", "E29", "E30", "E31", "E32")
NUMBERS = (*range(1, 13), *range(15, 27), *range(32, 35))
TARGETS = [f"E{number:02d}" for number in NUMBERS] + ["E34b"]
"""T1-T12 of the generator, by figure."""


@pytest.fixture(scope="module")
def study() -> bip.Study:
    return bip.simulate(clients=700, rng=4)


@pytest.fixture(scope="module")
def result(study: bip.Study) -> Replication:
    return bip.replicate(study, progress=False)


@pytest.fixture(scope="module")
def by_id(result: Replication) -> pd.DataFrame:
    return result.table.set_index("id")


def test_every_published_figure_has_its_row(result: Replication) -> None:
    assert set(bip.codebook.published()["id"]) <= set(result.table["id"])
    assert result.table["id"].is_unique
    assert tuple(result.table.columns) == COLUMNS
    assert tuple(result.details.columns) == DETAIL_COLUMNS
    assert list(COLUMNS) == [
        "id", "statement", "kind", "published", "scale", "estimand", "population", "time zero", "horizon",
        "definition", "target", "estimate", "interval", "n", "verdict", "note",
    ]  # fmt: skip


def test_declared_quantities_are_made_and_have_an_assumed_error() -> None:
    made = {name for names in ANALYSES.values() for name in names}
    known = set(bip.codebook.sampling_error()["quantity"])
    for target in targets():
        judged = [target.quantity, *(name for name, _ in target.admissible)] if target.quantity else []
        assert set(judged) | {name for name, _ in target.beside} <= made, target.id
        if target.judge in ("ratio", "share"):
            assert set(judged) <= known, target.id


def test_targets_and_refusals_are_as_the_rules_say(by_id: pd.DataFrame) -> None:
    assert set(by_id.loc[TARGETS, "target"]) == {"yes"}
    assert set(
        by_id.loc[["E01 pre-dated", "E13", "E15 adjusted", "E27", "E28", "E29", "E30", "E31"], "target"]
    ) == {"no"}
    words = by_id.loc[list(INCOMPARABLE), "verdict"].str.removeprefix(CALIBRATED)
    assert set(words) == {"not comparable"}
    assert by_id.loc["E11", "verdict"] == "calibrated: not comparable"
    assert by_id.loc["E13", "verdict"] == "not comparable"
    assert "13.69" in by_id.loc["E13", "note"]
    assert "generator's definition" in by_id.loc["E12", "note"]


def test_calibrated_is_said_of_targets_on_simulated_data_only(study: bip.Study, result: Replication) -> None:
    estimated = result.table[result.table["verdict"] != "not estimated"]
    marked = estimated["verdict"].str.startswith(CALIBRATED)
    assert ((estimated["target"] == "yes") == marked).all()
    told = result.details[~result.details["verdict"].isin(["", "not estimated"])]
    target = told["id"].map(result.table.set_index("id")["target"]) == "yes"
    assert (told["verdict"].str.startswith(CALIBRATED) == target).all()

    real = bip.replicate(replace(study, truth=None), progress=False)
    assert not real.table["verdict"].str.contains(CALIBRATED, regex=False).any()
    assert not (real.details["role"] == "truth").any()
    assert_allclose(real.table["estimate"], result.table["estimate"])
    assert "SIMULATED" in repr(result) and "SIMULATED" not in repr(real)
    assert not real.table["note"].str.contains("generator|built in").any()
    assert set(real.table["verdict"]) <= set(VERDICTS)


UNCALIBRATED = {
    "own parameters": lambda: bip.simulate(
        replace(bip.Truth(), hazard=replace(bip.Truth().hazard, belief=0.0)), clients=300, rng=4
    ),
    "with an intervention": lambda: bip.simulate(clients=300, rng=4, do={"belief": 1}),
}


@pytest.mark.parametrize("what", UNCALIBRATED)
def test_other_simulated_worlds_are_not_calibrated(what: str, tmp_path: Path) -> None:
    found = bip.replicate(UNCALIBRATED[what](), progress=False)
    assert found.simulated and not found.calibrated
    assert set(found.table["verdict"]) <= set(VERDICTS)
    assert set(found.details["verdict"]) <= {"", *VERDICTS}
    assert "not calibrated to these figures" in repr(found) and CALIBRATED not in repr(found)
    found.to_html(tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "not calibrated to these figures" in page and "calibrated:" not in page
    assert "No verdict on this page says anything about BIP." in page


def test_a_truth_of_old_does_not_say_where_it_comes_from(study: bip.Study) -> None:
    truth = study.truth[study.truth["quantity"] != "calibrated_world"]
    assert calibration(truth) == (False, "its truth does not say from which world it comes")
    assert calibration(study.truth)[0] and calibration(None) == (False, "")


def test_truth_stands_beside_on_simulated_data(study: bip.Study, result: Replication) -> None:
    truth = study.truth.set_index(["quantity", "scale"])["value"]
    shown = result.details[result.details["role"] == "truth"].set_index(["id", "definition"])["estimate"]
    assert (
        shown["E02", "true hazard ratio per step of latent belief"] == truth["belief_effect", "hazard ratio"]
    )
    assert (
        shown["E12", "oracle: all at the mean true effect of the top decile"]
        == (truth["entry_share_top_decile", "share"])
    )
    assert_allclose(
        shown["E03", "true effect right after a switch"], np.exp(truth["switch_effect", "log hazard"])
    )


def test_estimates_lie_in_their_intervals(result: Replication) -> None:
    rows = result.table[result.table["interval"].notna()]
    assert len(rows) > 25
    assert all(value in interval for value, interval in zip(rows["estimate"], rows["interval"], strict=True))


def test_shares_are_the_tables_own_counts(study: bip.Study, by_id: pd.DataFrame) -> None:
    clients = study.clients
    assert by_id.loc["E34", "estimate"] == clients["mental_diagnosis"].mean()
    assert by_id.loc["E32", "estimate"] == (clients["support_share_5y"] >= 0.8).mean()
    belief = study.responses[study.responses["respondent"] == "caseworker"].sort_values("date", kind="stable")
    first = belief.groupby("client")["caseworker_belief"].first()
    assert_allclose(by_id.loc["E07", "estimate"], (first == 5).mean())
    assert_allclose(by_id.loc["E09", "estimate"], (first <= 2).mean())
    assert_allclose(by_id.loc[["E17", "E18", "E19", "E20"], "estimate"].sum(), 1)
    assert_allclose(by_id.loc["E21", "estimate"], by_id.loc[["E17", "E18"], "estimate"].sum())


def _quantities(**given: Estimate) -> Quantities:
    every = {name: Unavailable("left out") for names in ANALYSES.values() for name in names}
    return {**every, **{name.replace("_", " "): value for name, value in given.items()}}


def test_a_row_that_depends_on_the_definition() -> None:
    close, far = (Estimate(float(np.log(value)), 0.02, 100, "ratio") for value in (1.33, 2.5))
    table, _ = ledger(_quantities(belief_carried=close, belief_fresh=far), {"belief carried": 0.0})
    row = table.set_index("id").loc["E02"]
    assert row["verdict"] == "depends on definition"
    assert row["note"].startswith("matches as defined here")


def test_reasons_are_told_and_nothing_is_estimated() -> None:
    table, details = ledger(_quantities(), {})
    rows = table.set_index("id")
    assert rows.loc["E02", "verdict"] == "not estimated"
    assert rows.loc["E02", "note"] == "left out"
    assert table["estimate"].isna().all()
    assert table["interval"].isna().all()
    assert set(details["verdict"]) <= {"", "not estimated"}


def _no_job(study: bip.Study) -> bip.Study:
    """Everybody on benefits in every week, so that nobody ever leaves."""
    register = study.register.copy()
    weeks = [name for name in register if name.startswith("y_")]
    code = register[weeks].stack().mode().iloc[0]
    register[weeks] = code
    return replace(study, register=register.astype(dict.fromkeys(weeks, "Int16")))


def _without_level(study: bip.Study) -> bip.Study:
    responses = study.responses.copy()
    responses["caseworker_belief"] = responses["caseworker_belief"].clip(upper=4)
    return replace(study, responses=responses)


def _unanswered(study: bip.Study) -> bip.Study:
    responses = study.responses.assign(
        caseworker_belief=pd.array([pd.NA] * len(study.responses), dtype="Int8")
    )
    return replace(study, responses=responses)


BROKEN = {
    "no switches": (lambda s: replace(s, assignments=s.assignments.drop_duplicates("client").assign(end=pd.NaT)),
                    {"E03": "no client changes caseworker"}),
    "no entry": (_no_job, {"E02": "no client entered", "E03": "no client entered",
                  "E27": "0 clients got a job", "E01": "the register has no entry"}),
    "one job centre": (lambda s: s.subset(jobcentre="Aarhus"), {}),
    "no level 5": (_without_level, {"E06": "none has the first answer 5"}),
    "no belief": (_unanswered, {"E02": "belief was never answered", "E07": "no caseworker answered", "E01": ""}),
    "no interventions": (lambda s: replace(s, interventions=s.interventions.iloc[:0]),
                         {"E24": "fewer than two classes"}),
    "no responses": (lambda s: replace(s, responses=s.responses.iloc[:0]),
                     {"E02": "no client entered while an answer was in force (", "E08": ""}),
    "no assignments": (lambda s: replace(s, assignments=s.assignments.iloc[:0]), {"E01": "no caseworker"}),
    "unknown history": (lambda s: replace(s, clients=s.clients.assign(job_share_5y=np.nan)), {"E16": "job_share_5y"}),
    "twelve clients": (lambda s: s.subset(clients=s.clients["client"].iloc[:12]), {"E02": "", "E27": ""}),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_what_cannot_be_estimated_breaks_nothing_else(name: str, study: bip.Study) -> None:
    breaks, reasons = BROKEN[name]
    broken = breaks(study)
    table = bip.replicate(broken, progress=False).table.set_index("id")
    for figure, reason in reasons.items():
        assert table.loc[figure, "verdict"] == "not estimated", (figure, table.loc[figure, "note"])
        assert table.loc[figure, "note"]
        assert reason in table.loc[figure, "note"]
    assert table.loc["E34", "estimate"] == broken.clients["mental_diagnosis"].mean()


def test_clients_left_out_are_counted(study: bip.Study) -> None:
    clients = study.clients.copy()
    clients.loc[clients.index[-40:], "civil_status"] = pd.NA
    table = bip.replicate(replace(study, clients=clients), progress=False).table.set_index("id")
    at_risk = bip.landmarks(study, at="first", horizon=52, outcome="job")
    lost = at_risk[at_risk["full_horizon"]]["client"].isin(clients["client"].iloc[-40:]).sum()
    assert lost > 20
    assert f"{lost} clients with missing answers left out" in table.loc["E27", "note"]
    assert "clients with missing answers left out" in table.loc["E15 adjusted", "note"]


def test_one_job_centre_leaves_the_centre_out(study: bip.Study) -> None:
    table = bip.replicate(study.subset(jobcentre="Aarhus"), progress=False).table.set_index("id")
    told = table.loc["E03", "note"]
    assert "jobcentre" in told


def test_summary_lines_and_plot(result: Replication) -> None:
    lines = result.lines()
    assert len(lines) == len(result.table)
    assert all("\n" not in line for line in lines)
    assert str(result.summary()).startswith("Published figures of BIP")
    data = result.plot_data()
    assert list(data.columns) == ["id", "label", "published", "estimate", "conf_low", "conf_high"]
    assert {"E01", "E02", "E03", "E01 pre-dated"} <= set(data["id"])
    axes = result.plot()
    assert axes.get_xscale() == "log"
    assert len(axes.get_yticks()) == len(data)


@pytest.mark.parametrize("wrong", ["/folder", Path("/folder"), None, pd.DataFrame({"a": [1]})])
def test_what_is_no_study_is_refused(wrong: object) -> None:
    with pytest.raises(bip.OptionError, match=r"must be a Study: bip\.read_study\(folder\)"):
        bip.replicate(wrong, progress=False)  # type: ignore[arg-type]


def test_words_are_no_numbers(by_id: pd.DataFrame) -> None:
    row = by_id.loc["E34b"]
    assert np.isnan(row["published"]) and row["verdict"] == "calibrated: not comparable"
    assert row["estimate"] == by_id.loc["E34", "estimate"]
    assert "close to half" in row["note"]
    assert "derived: 28.45 / 14.76" in by_id.loc["E14", "note"]


def test_no_share_or_chance_is_beyond_what_one_can_be():
    """On few clients some designs cannot be estimated; they say so instead of giving a number."""
    details = bip.replicate(bip.simulate(clients=400, rng=1), draws=5, progress=False).details
    chances = details[details["definition"].str.startswith("chance of doing better")]
    assert chances["id"].tolist() == ["E23", "E24", "E25", "E26"]
    assert chances["estimate"].isna().all()
    assert chances["note"].str.contains("follows from the others").all()
