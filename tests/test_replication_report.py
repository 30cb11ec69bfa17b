"""What the report shows beside the ledger: frames against hand counts, plots, and what is held back."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from numpy.testing import assert_allclose
from test_replication_ledger import _no_job

import bipstats as bip
from bipstats.core.result import Result
from bipstats.errors import ModelError
from bipstats.replication import analyses, pictures
from bipstats.replication.analyses import belief
from bipstats.replication.estimate import Unavailable, reason
from bipstats.replication.figures import at_risk, forest_data, incidence_curves, published_against_estimate
from bipstats.replication.flow import _frame
from bipstats.replication.frames import Prepared
from bipstats.replication.model_table import ModelTable
from bipstats.replication.page.curves import at_ticks
from bipstats.replication.plot_words import _words, word
from bipstats.replication.result import Replication
from bipstats.replication.targets import targets
from bipstats.timeline.landmarks import landmarks

LANGUAGES = ("en", "sv", "da")


@pytest.fixture(scope="module")
def study() -> bip.Study:
    return bip.simulate(clients=1000, rng=4)


@pytest.fixture(scope="module")
def result(study: bip.Study) -> Replication:
    return bip.replicate(study, draws=30, progress=False)


def _without_missing(study: bip.Study) -> pd.DataFrame:
    rows = bip.landmarks(study, at="first", horizon=52)
    return rows.dropna(subset=[*bip.codebook.INDICATORS, *bip.codebook.BACKGROUND, "caseworker"])


def test_the_flow_adds_up_and_is_the_tables_own(study: bip.Study) -> None:
    responses = study.responses.copy()
    lost = study.clients["client"].iloc[:40]
    mute = responses["client"].isin(lost) & (responses["respondent"] == "caseworker")
    responses.loc[mute, "caseworker_belief"] = pd.NA
    clients = study.clients.copy()
    clients.loc[clients.index[-60:], "civil_status"] = pd.NA
    found = bip.replicate(replace(study, responses=responses, clients=clients), draws=5, progress=False)
    flow = found.flow.set_index("key")
    for key, row in flow.dropna(subset=["left_out"]).iterrows():
        assert flow.loc[row["of"], "clients"] - row["clients"] == row["left_out"], key
    assert flow.loc["study", "clients"] == 1000 and flow.loc["study", "of"] == ""
    measured = bip.landmarks(replace(study, responses=responses), at="first", horizon=52)
    assert flow.loc["belief", "clients"] == measured["caseworker_belief"].notna().sum()
    assert flow.loc["belief", "left_out"] == measured["caseworker_belief"].isna().sum() > 30
    assert flow.loc["complete", "left_out"] >= 50
    again = bip.transitions(study)["client"].nunique()
    assert flow.loc["again", "clients"] == again
    assert flow.loc["job", "clients"] == int(found.glance["entered a job"])


def test_no_step_of_the_flow_shows_fewer_than_five() -> None:
    everybody = set(range(100))
    steps = [
        ("study", "in the study", "", everybody, ""),
        ("risk", "at risk", "study", everybody - {1, 2}, "never at risk"),
        ("measured", "measured", "risk", set(range(10, 100)), "not measured"),
        ("job", "job", "measured", {11, 12, 13}, "no job"),
    ]
    flow = _frame(steps).set_index("key")
    assert flow["clients"].isna().tolist() == [False, True, False, True]
    assert flow.loc["measured", "of"] == "study" and flow.loc["measured", "left_out"] == 10
    shown = pd.concat([flow["clients"], flow["left_out"]]).dropna()
    assert not shown.between(1, 4).any()


def test_caseworkers_have_ranks_and_no_names(study: bip.Study, result: Replication) -> None:
    frame = result.caterpillar
    found = bip.caseworkers.value_added(study, draws=30, rng=15, progress=False)
    assert not {"caseworker", "jobcentre", "clients", "entries"} & set(frame.columns)
    assert_allclose(frame["shrunken"], np.sort(found.table["shrunken"]))
    assert (frame["rank"] == len(frame) + 1 - frame["position"]).all()
    assert (frame["rank_low"] <= frame["rank"]).all() and (frame["rank"] <= frame["rank_high"]).all()
    assert_allclose(frame["overall"], found.rate)
    assert result.readings["caterpillar"] == found.paragraph


def test_the_thought_experiment_stands_beside_the_published_figures(
    study: bip.Study, result: Replication
) -> None:
    frame = result.thought_experiment
    assert frame.loc[frame["kind"] == "published", "share"].tolist() == [0.1476, 0.2845]
    found = bip.caseworkers.counterfactual(study, draws=30, rng=15, progress=False).table
    assert_allclose(
        frame.iloc[2:][["share", "conf_low", "conf_high"]], found[["share", "conf_low", "conf_high"]]
    )
    share = frame.set_index(["group", "kind"])["share"]
    assert share["top decile", "naive"] > share["top decile", "feasible"]
    truth = study.truth.set_index("quantity")["value"]
    assert share["top decile", "oracle"] == truth["entry_share_top_decile"]
    real = bip.replicate(replace(study, truth=None), draws=5, progress=False)
    assert set(real.thought_experiment["kind"]) == {"published", "actual", "naive", "feasible"}
    row = result.details.set_index(["id", "definition"]).loc[("E12", "best quarter, 52 weeks")]
    assert row["estimate"] > 0  # the ledger's own definitions stand, whatever the frame shows


def test_classes_are_the_ledgers_rows(result: Replication) -> None:
    observed = result.classes[result.classes["design"] == "observed"].set_index("class")
    rows = result.table.set_index("id")
    for figure, name in {"E23": "none", "E24": "job only", "E26": "other only"}.items():
        assert observed.loc[name, "estimate"] == rows.loc[figure, "estimate"]
        assert observed.loc[name, "conf_low"] == rows.loc[figure, "interval"].left
    assert dict(observed["published"]) == {
        "none": "negative", "other only": "about zero", "job only": "positive", "job + other": "largest",
    }  # fmt: skip
    assert set(result.classes["design"]) == {
        "observed", "adjusted", "items of the client", "items of the caseworker",
    }  # fmt: skip


def test_indicators_are_ranked_in_one_model_per_standard_deviation(
    study: bip.Study, result: Replication
) -> None:
    rows = bip.person_periods(bip.spells(study, outcome="job", carry_weeks=52), 13)
    rows = rows[rows["caseworker"].notna()]
    rows = rows[rows.groupby("jobcentre", observed=True)["event"].transform("max") == 1]
    formula = bip.formula("indicators", "background", "jobcentre")
    fit = bip.hazard(formula, rows, exposure="exposure", vcov=bip.cluster("caseworker"), missing="drop")
    assert isinstance(fit, Result)
    sd = bip.landmarks(study, at="first", outcome="job")[list(bip.codebook.INDICATORS)].astype(float).std()
    frame = result.indicators.set_index("indicator")
    for key in bip.codebook.INDICATORS:
        assert_allclose(frame.loc[key, "estimate"], np.exp(fit.params[key] * sd[key]))
        low = np.exp((fit.params[key] - 1.959963984540054 * fit.bse[key]) * sd[key])
        assert_allclose(frame.loc[key, "conf_low"], low)
    size = np.abs(np.log(result.indicators["estimate"]))
    assert (size.diff().dropna() <= 0).all() and result.indicators["rank"].tolist() == list(range(1, 12))
    assert frame["published"].sum() == 9


def test_every_row_with_an_estimate_has_its_table(result: Replication) -> None:
    rows = result.table[result.table["estimate"].notna()].set_index("id")
    assert set(result.models) == set(rows.index)
    for name, model in result.models.items():
        table = model.table.set_index("term")
        assert model.title and model.methods.endswith(f"{bip.__version__}."), name
        assert str(model.summary()).startswith(model.title)
        if not model.shown:  # E15 adjusted: the model behind the expected entries
            continue
        shown = table.loc[model.shown, "estimate"]
        assert_allclose(np.exp(shown) if model.ratio else shown, rows.loc[name, "estimate"], err_msg=name)
        assert {"std_error", "conf_low", "conf_high"} <= set(table.columns)
    assert result.models["E02"].ratio == "hazard ratio"
    assert {"caseworker_belief", "age", "C(jobcentre)[Aarhus]"} & set(result.models["E02"].table["term"])
    assert "after a first change" in set(result.models["E03"].table["term"])


def test_a_table_of_ratios_reads_as_ratios() -> None:
    frame = pd.DataFrame({
        "term": ["x"], "estimate": [np.log(2.0)], "std_error": [0.1], "statistic": [7.0], "p_value": [1e-9],
        "conf_low": [np.log(1.5)], "conf_high": [np.log(3.0)],
    })  # fmt: skip
    shown = ModelTable("Model", frame, "odds ratio").summary().frame
    assert_allclose(shown[["odds ratio", "conf_low", "conf_high"]].to_numpy(), [[2.0, 1.5, 3.0]])
    assert shown["p_value"].tolist() == ["<0.001"] and "statistic" not in shown


def test_a_printed_table_has_its_decimals_beneath_each_other() -> None:
    table = pd.DataFrame(
        {
            "term": ["Intercept", "belief", "rare"],
            "estimate": [-8.4912, 0.25, 9.0],
            "std_error": [0.8796, 0.0613, 4.0],
            "conf_low": [-10.2, 0.13, 1.2],
            "conf_high": [-6.8, 0.377, np.nan],
        }
    )
    printed = ModelTable("Hazard", table, "hazard ratio").printed()
    assert printed["estimate"].tolist() == ["-8.491", "0.250", "9.000"]
    assert printed["hazard ratio"].tolist() == ["<0.001", "1.284", "8103"]
    assert printed["conf_high"].tolist() == ["0.001", "1.458", ""]
    table.loc[2, "conf_high"] = 7.0
    plain = ModelTable("Means", table.assign(std_error=[0.5, 0.0061, 0.1])).printed()
    assert plain["conf_low"].tolist() == ["-10.2000", "0.1300", "1.2000"]


def test_every_row_says_what_it_takes_for_granted(result: Replication) -> None:
    assert list(result.assumptions) == result.table["id"].tolist() == [row.id for row in targets()]
    assert all(text.endswith(".") and len(text) > 60 for text in result.assumptions.values())


def test_status_counts_every_figure_once(result: Replication) -> None:
    figures = result.status[result.status["what"] == "figure"]
    published = bip.codebook.published()
    assert sorted(", ".join(figures["ids"]).split(", ")) == sorted(published["id"])
    assert figures.set_index("status")["count"].to_dict() == published["status"].value_counts().to_dict()
    assert result.status.loc[result.status["what"] == "definition", "count"].sum() == len(result.table)
    assert set(result.status["status"]) == {"published", "derived", "assumed"}


def test_the_draws_and_the_seed_decide_and_workers_do_not(study: bip.Study, result: Replication) -> None:
    again = bip.replicate(study, draws=30, jobs=2, progress=False)
    other = bip.replicate(study, draws=30, rng=16, progress=False)
    for name in ("caterpillar", "thought_experiment", "table", "details"):
        pd.testing.assert_frame_equal(getattr(again, name), getattr(result, name))
    intervals = ["conf_low", "conf_high"]
    assert not again.thought_experiment[intervals].equals(other.thought_experiment[intervals])
    assert (other.draws, other.seed) == (30, 16)
    pd.testing.assert_series_equal(other.table["estimate"], result.table["estimate"])
    generator = bip.replicate(study, draws=5, rng=np.random.default_rng(3), progress=False)
    assert generator.seed == np.random.default_rng(3).integers(2**31)
    assert bip.replicate(study, draws=5, rng=None, progress=False).seed >= 0


@pytest.mark.parametrize(("argument", "wrong"), [("draws", 0), ("draws", 2.5), ("rng", -1), ("rng", "x")])
def test_impossible_draws_are_refused(study: bip.Study, argument: str, wrong: object) -> None:
    with pytest.raises(bip.OptionError, match=rf"^{argument}={wrong!r}"):
        bip.replicate(study, progress=False, **{argument: wrong})  # type: ignore[arg-type]


PLOTS = {
    "forest": lambda r, lang, ax: published_against_estimate(forest_data(r.table, lang), ax, lang),
    "incidence": lambda r, lang, ax: incidence_curves(r.incidence, ax, lang),
    "caterpillar": lambda r, lang, ax: pictures.caterpillar(r.caterpillar, ax, lang),
    "thought_experiment": lambda r, lang, ax: pictures.thought_experiment(r.thought_experiment, ax, lang),
    "classes": lambda r, lang, ax: pictures.classes(r.classes, ax, lang),
    "indicators": lambda r, lang, ax: pictures.indicators(r.indicators, ax, lang),
}


@pytest.mark.parametrize("name", PLOTS)
def test_plots_take_axes_and_a_language(name: str, result: Replication) -> None:
    said = []
    for lang in LANGUAGES:
        axes = Figure(figsize=(8, 5)).subplots()
        assert PLOTS[name](result, lang, axes) is axes and axes.has_data()
        said.append(axes.get_xlabel() + axes.get_ylabel())
        assert PLOTS[name](result, lang, None) is not axes
    assert len(set(said)) == 3
    with pytest.raises(bip.OptionError, match="'en', 'sv', 'da'"):
        PLOTS[name](result, "no", None)


def test_words_on_plots_are_there_in_three_languages() -> None:
    assert {tuple(texts) for texts in _words().values()} == {LANGUAGES}
    assert all(text.strip() for texts in _words().values() for text in texts.values())
    assert word("caseworkers", "sv", n="12").startswith("12 ")


def test_counts_beneath_the_curves_are_those_at_risk(study: bip.Study, result: Replication) -> None:
    """Counted by hand, in the picture and on the page."""
    rows = landmarks(study, at="first", horizon=156)
    counts = at_risk(result.incidence)
    assert counts["at_risk"].min() >= 5
    for answer, shown in counts.groupby("belief"):
        weeks = rows.loc[(rows["caseworker_belief"] == answer).fillna(value=False), "weeks"].to_numpy()
        own = [int((weeks >= tick).sum()) for tick in shown["time"]]
        assert shown["at_risk"].tolist() == own
        curve = result.incidence[result.incidence["belief"] == answer]
        assert [cell and cell["at_risk"] for cell in at_ticks(curve, shown["time"].tolist())] == own


def _one_caseworker_a_centre(study: bip.Study) -> bip.Study:
    centre = study.clients.set_index("client")["jobcentre"].astype(str)
    kept = study.assignments.sort_values(["client", "start"]).drop_duplicates("client")
    name = {"assignments": kept, "responses": study.responses}
    alone = {
        table: frame.assign(caseworker=("W" + frame["client"].map(centre)).astype(frame["caseworker"].dtype))
        for table, frame in name.items()
    }
    return replace(study, **{**alone, "assignments": alone["assignments"].assign(end=pd.NaT)})


def _one_level(study: bip.Study) -> bip.Study:
    belief_answers = study.responses["caseworker_belief"]
    return replace(
        study,
        responses=study.responses.assign(caseworker_belief=belief_answers.mask(belief_answers.notna(), 3)),
    )


SICK = {
    "no switches": (
        lambda s: replace(s, assignments=s.assignments.drop_duplicates("client").assign(end=pd.NaT)),
        {"E03"}, set(),
    ),
    "one caseworker a job centre": (_one_caseworker_a_centre, {"E01 pre-dated", "E03"}, {"caterpillar"}),
    "one level of belief": (_one_level, {"E01", "E02", "E05", "E06"}, {"indicators"}),
    "no interventions": (
        lambda s: replace(s, interventions=s.interventions.iloc[:0]),
        {"E23", "E24", "E25", "E26"}, {"classes"},
    ),
    "no responses by clients": (
        lambda s: replace(s, responses=s.responses[s.responses["respondent"] == "caseworker"]),
        {"E01", "E24"}, {"caterpillar", "thought_experiment"},
    ),
    "no entry": (_no_job, {"E01", "E02", "E03", "E12"}, {"caterpillar", "thought_experiment", "indicators"}),
    "fifteen clients": (
        lambda s: s.subset(clients=s.clients["client"].iloc[:15]),
        {"E01", "E02", "E12", "E27"}, {"caterpillar", "thought_experiment", "classes", "indicators"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SICK)
def test_what_a_study_cannot_give_says_why_and_the_rest_stands(name: str, study: bip.Study) -> None:
    breaks, without, empty = SICK[name]
    found = bip.replicate(breaks(study), draws=5, progress=False)
    rows = found.table.set_index("id")
    assert rows.loc[list(without), "estimate"].isna().all()
    assert rows.loc[list(without), "note"].str.len().min() > 10
    assert set(found.reasons) == empty
    for frame in ("caterpillar", "thought_experiment", "classes", "indicators", "flow"):
        assert (len(getattr(found, frame)) == 0) == (frame in empty), frame
    assert not without & set(found.code) and not without & set(found.models)
    assert np.isfinite(rows.loc[["E16", "E33", "E34"], "estimate"]).all()


def test_a_study_of_fewer_than_five_shows_nobody(study: bip.Study) -> None:
    found = bip.replicate(study.subset(clients=study.clients["client"].iloc[:4]), draws=5, progress=False)
    assert found.table["estimate"].isna().all() and found.details["estimate"].dropna().empty is False
    assert set(found.details.loc[found.details["estimate"].notna(), "role"]) == {"truth"}
    assert "fewer than five clients" in found.table.set_index("id").loc["E34", "note"]
    assert not found.models and not found.code


def test_small_counts_in_messages_are_hidden() -> None:
    told = reason(
        ModelError("separation: 3 rows with\n the event; none (4), other (60), 14 clients, 2.5 sd, 1 of 2.")
    )
    assert told == "separation: <5 rows with the event; none (<5), other (60), 14 clients, 2.5 sd, 1 of 2"


def test_an_error_of_ours_is_not_taken_for_a_reason(
    study: bip.Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(with_: Exception) -> None:
        def analysis(prepared: Prepared) -> dict[str, object]:
            raise with_

        monkeypatch.setattr(
            analyses, "ANALYSES", {analysis: ("belief carried",), belief.fresh: ("belief fresh",)}
        )

    fails(ModelError("nothing to compare."))
    made = dict(item for step in analyses.estimate(Prepared(study)) for item in step.items())
    assert made["belief carried"] == Unavailable("nothing to compare")
    assert made["belief fresh"].value > 0
    for error in (ValueError("shapes"), KeyError("caseworker"), ZeroDivisionError("division")):
        fails(error)
        with pytest.raises(type(error)):
            list(analyses.estimate(Prepared(study)))


def test_no_person_is_in_a_replication(study: bip.Study, result: Replication) -> None:
    persons = {*study.clients["client"].astype(str), *study.assignments["caseworker"].dropna().astype(str)}
    for one in fields(result):
        value = getattr(result, one.name)
        if isinstance(value, pd.DataFrame):
            held = {str(cell) for column in value.columns for cell in value[column]}
            assert not held & persons and len(value) < 900, one.name
    for model in result.models.values():
        assert not {str(cell) for cell in model.table["term"]} & persons
