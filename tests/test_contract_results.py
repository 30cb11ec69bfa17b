"""What every result that is no fit gives: curves, tests, effects, comparisons, the ledger."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import fits
import pandas as pd
import pytest
import strict_latex
from fits import fitted
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from walk import classes, findings, refuses_options

import bipstats as bip
from bipstats.codebook import LANGUAGES
from bipstats.core.result import Result
from bipstats.progression.instruments import Instrument
from bipstats.study.study import Study
from bipstats.synthetic.truth import Truth
from bipstats.tables import Summary

TIDY = ["term", "estimate", "std_error", "statistic", "p_value", "conf_low", "conf_high"]
COPIES = 2
LONGEST = 200  # twenty times with three groups and two exits; there are 584 rows
TIMES = dict(start="start", stop="stop")


def _causes(data: pd.DataFrame) -> dict[str, Result]:
    return {exit: bip.cox("x + u", data, event=f"exit == {exit}") for exit in ("job", "pension")}


def _first(data: pd.DataFrame) -> pd.DataFrame:
    return data.drop_duplicates("client")


def _path(data: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame({"start": [0, 3], "stop": [3, 9], "x": [0.0, 1.0], "u": 0.0, "g": "east"})


@cache
def _study() -> Study:
    return bip.simulate(clients=1500, rng=1)


@cache
def _small() -> Study:
    return bip.simulate(clients=700, rng=3)


RESULTS: dict[str, Callable[[pd.DataFrame], Any]] = {
    "survival_curve": lambda data: bip.survival_curve(data, event="event", by="g", **TIMES),
    "cumulative_incidence": lambda data: bip.cumulative_incidence(data, exit="exit", by="g", **TIMES),
    "logrank": lambda data: bip.logrank(data, by="g", event="event", **TIMES),
    "fit.survival_curve": lambda data: bip.cox("x + u + C(g)", data).survival_curve(_path(data)),
    "fit.survival_along": lambda data: bip.cox("x + u + C(g)", data).survival_along(_path(data)),
    "fit.ph_test": lambda data: bip.cox("x + u", data).ph_test(data),
    "fit.profile": lambda data: bip.logit("y ~ x + C(g)", data).profile(data),
    "fit.boundary_test": lambda data: bip.mixed_logit("y ~ x", data, random="worker").boundary_test(
        data, draws=19, rng=1, progress=False
    ),
    "risk": lambda data: bip.risk(_causes(data), _first(data), horizon=8, at={"x": "+1"}),
    "margins": lambda data: bip.margins(bip.logit("y ~ x + C(g)", data), data, "g"),
    "margins, ratios": lambda data: bip.margins(
        _causes(data), _first(data), "x", horizon=8, scale="risk_ratio"
    ),
    "contrasts": lambda data: bip.contrasts(bip.ols("score ~ x + C(g)", data), pairs="g", rng=1),
    "average_effects": lambda data: bip.average_effects(
        "score ~ x + u", data, exposure="g", method="overlap", rng=1
    ),
    "equivalence": lambda data: bip.equivalence(bip.ols("score ~ x + C(g)", data), 0.5),
    "progression.agreement": lambda _: bip.progression.agreement(bip.simulate(clients=60, rng=1)),
    "caseworkers.switch_effect": lambda _: bip.caseworkers.switch_effect(bip.simulate(clients=400, rng=1)),
    "interventions.contrast": lambda _: bip.interventions.contrast(_study(), rng=1),
    "interventions.first_start_effect": lambda _: bip.interventions.first_start_effect(
        _study(), draws=20, rng=1
    ),
    "interventions.shares": lambda _: bip.interventions.shares(_study()),
    "interventions.through_progression": lambda _: bip.interventions.through_progression(
        _study(), draws=20, rng=1
    ),
    "progression.change": lambda _: bip.progression.change(_study()),
    "progression.reliability": lambda _: bip.progression.reliability(_study()),
    "progression.invariance": lambda _: bip.progression.invariance(_study(), by="sex"),
    "caseworkers.orientation": lambda _: bip.caseworkers.orientation(_small()),
    "caseworkers.orientation_effect": lambda _: bip.caseworkers.orientation_effect(_small(), draws=20, rng=1),
    "caseworkers.belief": lambda _: bip.caseworkers.belief(_study()),
    "progression.short_scale": lambda _: bip.progression.short_scale(_study()),
    "progression.profile": lambda _: bip.progression.profile(_study(), _study().clients["client"][0]),
    "progression.unit_summary": lambda _: bip.progression.unit_summary(_study()),
    "progression.readiness": lambda _: bip.progression.readiness(bip.simulate(clients=60, rng=1)),
    "caseworkers.value_added": lambda _: bip.caseworkers.value_added(
        bip.simulate(clients=600, rng=1), adjust="centre", draws=20, rng=1
    ),
    "caseworkers.counterfactual": lambda _: bip.caseworkers.counterfactual(
        bip.simulate(clients=600, rng=1), adjust="centre", draws=20, rng=1
    ),
    "e_value": lambda data: bip.e_value(bip.cox("x + u", data), "u", rare=True),
    "compare_fits": lambda data: bip.compare_fits({"a": bip.cox("x", data), "b": bip.logit("y ~ x + u", data)}),
    "compare_fits, linear": lambda data: bip.compare_fits({"a": bip.ols("score ~ x", data)}, stars=True),
}  # fmt: skip
VALUES: dict[str, Callable[[pd.DataFrame], Any]] = {
    "fit.wald": lambda data: bip.logit("y ~ x + u", data).wald("x = u"),
    "fit.concordance": lambda data: bip.cox("x + u", data).concordance(data),
    "lr_test": lambda data: bip.lr_test(bip.cox("x", data), bip.cox("x + u", data)),
}
"""Results of a few numbers, for which their repr is all there is to show."""
COMPARED = {"compare_fits", "compare_fits, linear"}
EFFECTS = {
    "fit.profile", "risk", "margins", "margins, ratios", "contrasts", "average_effects", "equivalence",
    "interventions.contrast", "caseworkers.orientation_effect", "caseworkers.belief", "caseworkers.switch_effect",
    "interventions.first_start_effect", "interventions.through_progression", "caseworkers.value_added", *COMPARED,
}  # fmt: skip
"""Those with effects, which have `tidy` too."""

each = pytest.mark.parametrize("name", [*RESULTS, "replicate"])
every = pytest.mark.parametrize("name", [*RESULTS, *VALUES, "replicate"])
of_rows = pytest.mark.parametrize("name", [*RESULTS, *VALUES])


@cache
def made(name: str, copies: int = COPIES) -> Any:
    if name == "replicate":
        return bip.replicate(bip.simulate(clients=400, rng=1), progress=False)
    return {**RESULTS, **VALUES}[name](fits.rows(copies))


def test_every_result_class_is_walked_and_on_the_reference_page():
    """Whatever shows itself is a fit, a study, a table or here; and whatever says itself is here too."""
    found = {type(made(name)) for name in (*RESULTS, "replicate")}
    shown = {kind for kind in classes() if "_repr_html_" in dir(kind)}
    assert {kind for kind in shown if not issubclass(kind, Result | Summary | Study)} == found
    values = {type(made(name)) for name in VALUES}
    said = {kind for kind in classes() - shown - {Truth, Instrument} if _says_itself(kind)}
    assert said == values
    page = (Path(__file__).parent.parent / "docs" / "reference.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^   ([\w.]+)$", page, re.MULTILINE))
    public = {f"{kind.__module__}.{kind.__name__}".removeprefix("bipstats.") for kind in found | values}
    assert public <= listed


def _says_itself(kind: type) -> bool:
    """Whether a class has a repr that was written by hand."""
    written = vars(kind).get("__repr__")
    return written is not None and written.__code__.co_filename == inspect.getsourcefile(kind)


@every
def test_a_result_is_frozen_and_can_be_compared_and_hashed(name):
    result = made(name)
    for attribute in (*(one.name for one in dataclasses.fields(result)), "another"):
        with pytest.raises((AttributeError, TypeError)):
            setattr(result, attribute, 1)
    assert result == result and hash(result) == hash(result) and (result != "something else")


@every
def test_pickled_or_copied_it_says_the_same(name):
    result = made(name)
    for again in (pickle.loads(pickle.dumps(result)), copy.deepcopy(result), copy.copy(result)):
        assert type(again) is type(result) and repr(again) == repr(result)


@each
def test_it_has_a_table_and_says_how_it_was_made(name):
    result = made(name)
    summary = result.summary()
    assert isinstance(result.table, pd.DataFrame) and len(result.table)
    assert isinstance(summary, Summary) and summary.title and (summary.facts or summary.notes)
    if name != "replicate":  # whose lines are shorter than its table
        assert repr(result) == str(summary)
    assert result._repr_html_() == summary.as_html()
    for text in (summary.as_html(), summary.as_word(), summary.styled(digits=2, decimal=",").as_word()):
        ElementTree.fromstring(text)
    for text in (summary.as_latex(), summary.styled(digits=2, decimal=",").as_latex(floating=False)):
        assert strict_latex.problems(text) == []
    for lang in LANGUAGES:
        paper = summary.styled(digits=2, decimal="." if lang == "en" else ",", lang=lang)
        assert strict_latex.problems(paper.as_latex()) == []
        ElementTree.fromstring(paper.as_word())
        heads = paper.grid.heads[0]
        assert not [head for head in heads if "_" in head] and len(set(heads)) == len(heads)
        assert {len(row) for part in paper.grid.parts for row in part} == {len(heads)}
        assert "p" not in heads or heads[-1] == "p"
    for text in (summary.as_latex(), summary.as_markdown()):
        head = next(filter(None, summary.grid.heads[0]))
        assert head.replace("_", "") in text.replace("\\", "").replace("_", "")


@each
def test_it_is_drawn_on_the_axes_that_are_given(name):
    result = made(name)
    axes = Figure().subplots()
    assert result.plot(ax=axes) is axes and axes.has_data()
    assert isinstance(result.plot(), Axes) and result.plot().figure is not axes.figure
    assert isinstance(result.plot_data(), pd.DataFrame) and len(result.plot_data())
    parameter = next(iter(inspect.signature(result.plot).parameters.values()))
    assert (parameter.name, parameter.default) == ("ax", None)


@each
def test_what_has_effects_gives_them_in_the_fixed_columns(name):
    result = made(name)
    assert hasattr(result, "tidy") == (name in EFFECTS)
    if name in EFFECTS:
        tidy = result.tidy()
        assert [column for column in tidy.columns if column in TIDY] == TIDY
        assert (tidy["conf_low"] < tidy["estimate"]).all() and (tidy["estimate"] < tidy["conf_high"]).all()
        assert tidy["p_value"].dropna().between(0, 1).all()


@each
def test_nothing_that_it_hands_out_reaches_back_into_it(name):
    result = copy.deepcopy(made(name))
    before = repr(result)
    for frame in (result.plot_data(), *([result.tidy()] if name in EFFECTS else [])):
        for column in frame.columns:
            frame[column] = frame[column].astype(object)
            frame.loc[:, column] = "spoilt"
    plotted = result.plot_data()
    plotted.iloc[:, plotted.dtypes.map(pd.api.types.is_float_dtype).to_numpy()] = 0.0
    assert repr(result) == before
    assert not result.plot_data().isin(["spoilt"]).any(axis=None)


@of_rows
def test_no_rows_are_inside(name):
    assert findings(made(name), fits.rows(COPIES), LONGEST) == []


@of_rows
def test_the_size_is_the_same_for_ten_times_the_rows(name):
    assert len(pickle.dumps(made(name, 10 * COPIES))) == pytest.approx(
        len(pickle.dumps(made(name))), rel=0.05
    )


@of_rows
def test_the_frames_that_are_given_stay_as_they_are(name):
    data = fits.rows(COPIES)
    {**RESULTS, **VALUES}[name](data)
    pd.testing.assert_frame_equal(data, fits.rows(COPIES), check_exact=True)


@every
def test_options_of_methods_are_refused_by_name(name):
    refuses_options(made(name), {"times": 1.0, "horizon": 3.0, "item": "job_search"})


@pytest.mark.parametrize("name", VALUES)
def test_a_value_says_its_statistic(name):
    value = made(name)
    number = value.concordance if hasattr(value, "concordance") else value.statistic
    assert f"{number:.4g}" in repr(value) and "\n" not in repr(value)
    assert not hasattr(value, "plot") and not hasattr(value, "table")


def test_fits_know_their_curves():
    """The table of a curve at the event times is the prediction of the fit."""
    fit, new = fitted("cox"), _path(fits.rows()).head(1)
    curve = fit.survival_curve(new).table
    assert curve["estimate"].to_numpy() == pytest.approx(
        fit.predict(new, "survival").iloc[0].to_numpy(), rel=1e-12
    )
