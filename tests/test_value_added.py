"""value_added and counterfactual on simulated studies: what they find, and what they say where little can be found."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest

import bipstats as bip
from bipstats.caseworkers.added import ValueAdded
from bipstats.caseworkers.scenario import Counterfactual
from bipstats.errors import ModelError, OptionError
from bipstats.study.study import Study
from bipstats.synthetic.truth import Truth

DRAWS = 60


def without_effects() -> Truth:
    """World N2 with caseworkers who do not differ at all."""
    truth = bip.scenarios()["N2"]
    return replace(
        truth,
        caseworkers=replace(truth.caseworkers, effect_sd=0.0, sorting=0.0),
        belief=replace(truth.belief, orientation=0.0),
    )


@cache
def study(world: str) -> Study:
    return bip.simulate(without_effects() if world == "none" else bip.scenarios()[world], clients=4000, rng=4)


@cache
def added(world: str) -> ValueAdded:
    return bip.caseworkers.value_added(study(world), draws=DRAWS, rng=1)


@cache
def shared(world: str) -> Counterfactual:
    return bip.caseworkers.counterfactual(study(world), draws=DRAWS, rng=1)


def row(found: Counterfactual, kind: str) -> pd.Series:
    return found.table.query("kind == @kind and group in ('', @found.to)").iloc[0]


def test_where_caseworkers_differ_every_way_finds_it():
    found = added("E2")
    assert (found.sd["sd"] > 0.3).all() and (found.sd["conf_low"] > 0.15).all()
    assert found.permutation_p < 0.05 and found.reliability > 0.1
    assert (found.sd["conf_low"] <= found.sd["sd"]).all() and (found.sd["sd"] <= found.sd["conf_high"]).all()


def test_where_they_do_not_the_spread_is_about_zero_and_the_naive_gap_is_not():
    found = added("none")
    likelihood = found.sd[found.sd["method"].str.startswith(("likelihood", "split"))]
    assert (likelihood["sd"] < 0.25).all() and (likelihood["conf_low"] < 0.01).all()
    assert found.permutation_p > 0.05 and found.reliability < 0.1
    better, worse = found._halves()
    assert better > 3 * worse
    assert "arises from noise alone" in found.paragraph


def test_what_is_feasible_lies_between_the_actual_share_and_the_naive_one():
    found = shared("E2")
    actual, naive, feasible, oracle = (row(found, kind) for kind in ("actual", "naive", "feasible", "oracle"))
    assert actual["share"] < feasible["conf_low"] < feasible["share"] < naive["share"]
    assert feasible["share"] < oracle["share"] < naive["share"]
    assert "capacity" in found.paragraph and "truth" in found.paragraph


def test_without_differences_nothing_is_to_be_gained_although_the_naive_share_says_so():
    found = shared("none")
    actual, naive, feasible = (row(found, kind) for kind in ("actual", "naive", "feasible"))
    assert feasible["conf_low"] < actual["share"] < feasible["conf_high"]
    assert abs(feasible["gain"]) < 0.04 < 0.15 < naive["gain"]


@pytest.mark.parametrize("model", ["linear", "hazard"])
def test_models_agree_on_who_is_good(model):
    other = bip.caseworkers.value_added(study("E2"), model=model, draws=5, rng=1)
    both = added("E2").table.merge(other.table, on="caseworker")
    assert both["shrunken_x"].corr(both["shrunken_y"], method="spearman") > 0.75
    assert other.table["shrunken"].std() < other.table["adjusted"].std()


def test_rates_and_ranks_are_coherent():
    table = added("E2").table
    assert table["entries"].div(table["years"]).to_numpy() == pytest.approx(table["raw"].to_numpy())
    assert table["rank"].tolist() == list(range(1, len(table) + 1))
    assert (np.diff(table["shrunken"]) <= 0).all() and (table["rank_low"] <= table["rank_high"]).all()
    assert (table["clients"] >= 6).all()


def test_the_numbers_do_not_depend_on_the_number_of_workers():
    small = bip.simulate(clients=600, rng=1)
    for function in (bip.caseworkers.value_added, bip.caseworkers.counterfactual):
        one, two = (function(small, adjust="centre", draws=6, rng=3, jobs=jobs) for jobs in (1, 2))
        pd.testing.assert_frame_equal(one.table, two.table, check_exact=True)
        assert repr(one) == repr(two)


def test_a_horizon_counts_nothing_after_it():
    found = bip.caseworkers.value_added(study("E2"), horizon=52, adjust="background", draws=5, rng=1)
    ends = bip.spells(study("E2"))
    early = ends[(ends["event"] == 1) & (ends["stop"] <= 52)]
    assert found.counts["entries"].startswith(f"{len(early):,} in ")


def _with(assignments: pd.DataFrame, clients: int = 600, **options: object) -> ValueAdded:
    base = bip.simulate(clients=clients, rng=1)
    return bip.caseworkers.value_added(
        replace(base, assignments=assignments), adjust="centre", draws=5, rng=1, **options
    )


@cache
def assignments() -> pd.DataFrame:
    return bip.simulate(clients=600, rng=1).assignments


def test_caseworkers_with_one_client_are_counted_and_not_ranked():
    table = assignments().copy()
    chosen = table.drop_duplicates("client").head(3).index
    table.loc[chosen, "caseworker"] = ["new1", "new2", "new3"]
    found = _with(table)
    assert not found.table["caseworker"].isin(["new1", "new2", "new3"]).any()
    assert found.counts["leave-out"].startswith("3 caseworkers with one client left out")
    assert "with fewer than 6 clients" in found.counts["caseworkers ranked"]


def test_a_caseworker_alone_at_the_job_centre_is_not_ranked():
    base, table = bip.simulate(clients=600, rng=1), assignments().copy()
    largest = base.clients["jobcentre"].value_counts().index[0]
    own = table["client"].isin(base.clients.loc[base.clients["jobcentre"] == largest, "client"])
    table.loc[own, "caseworker"] = "alone"
    found = _with(table)
    assert "alone" not in set(found.table["caseworker"])
    assert "1 alone at their job centre" in found.counts["caseworkers ranked"]


def test_a_graph_in_pieces_is_said():
    assert "fall into 10 sets without a common client" in _with(assignments()).counts["leave-out"]


def test_time_without_a_caseworker_is_left_out_and_counted():
    table = assignments()
    few = table["client"].isin(table["client"].unique()[:5])
    found = _with(table[~few])
    assert found.counts["clients left out, no caseworker at the time"] == "5"
    assert int(found.counts["weeks left out, no caseworker at the time"].replace(",", "")) > 5


def test_without_changes_of_caseworker_there_is_no_forecast_and_it_is_said():
    base = bip.simulate(clients=600, rng=1, do={"switches": "none"})
    found = bip.caseworkers.value_added(base, adjust="background", draws=5, rng=1)
    assert len(found.tidy()) == 0
    assert found.notes[0].startswith("without variation and left out: switched")
    assert any("no forecast for clients who change" in note for note in found.notes)


def test_missing_adjusters_leave_clients_out_and_are_counted():
    base = bip.simulate(clients=600, rng=1)
    clients = base.clients.copy()
    clients.loc[:9, "convicted"] = pd.NA
    found = bip.caseworkers.value_added(replace(base, clients=clients), adjust="background", draws=5, rng=1)
    assert (
        found.counts["clients left out, an adjuster missing (background, the client's own first answers)"]
        == "10"
    )


def test_a_study_with_too_few_caseworkers_is_refused_with_the_number():
    table = assignments().copy()
    table["caseworker"] = "only"
    with pytest.raises(ModelError, match="1 caseworker has clients at risk; how they differ needs 3 or more"):
        _with(table)
    with pytest.raises(ModelError, match="0 of 45 caseworkers have at least 5000 clients"):
        _with(assignments(), min_clients=5000)


@pytest.mark.parametrize(("option", "value"), [("to", 1.5), ("to", True), ("draws", 0), ("min_clients", 0.5)])
def test_numbers_without_meaning_are_refused(option, value):
    with pytest.raises(OptionError, match=f"^{option}={value!r}"):
        bip.caseworkers.counterfactual(bip.simulate(clients=60, rng=1), **{option: value})


def test_a_share_of_ones_own_joins_the_named_ones():
    small = bip.simulate(clients=600, rng=1)
    found = bip.caseworkers.counterfactual(small, to=0.2, adjust="centre", draws=5, rng=1)
    assert found.to == "top 0.2"
    assert found.table["group"].unique().tolist() == [
        "", "top half", "top third", "top quarter", "top decile", "top 0.2",
    ]  # fmt: skip
    assert "top 0.2" in found.paragraph


def test_plots_are_readable_with_many_and_with_few_caseworkers():
    many, few = added("E2"), _with(assignments(), min_clients=20)
    assert many.plot().get_xlabel().startswith(f"{len(many.table)} caseworkers")
    names = [label.get_text() for label in few.plot().get_xticklabels()]
    assert names == few.plot_data()["caseworker"].tolist()
    assert many.plot_shrinkage().get_xlabel() == "Raw entries per 100 client-years"
