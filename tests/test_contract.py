"""What every fitted model gives, walked over one fit of each kind (tests/fits.py)."""

from __future__ import annotations

import copy
import dataclasses
import html
import inspect
import pickle
import re
from functools import partial
from xml.etree import ElementTree

import fits
import numpy as np
import pandas as pd
import pytest
import strict_latex
from fits import FITS, fitted
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.testing import assert_allclose
from walk import classes, findings, refuses_options

import bipstats as bip
from bipstats.codebook import term_label
from bipstats.core.result import Result
from bipstats.models.timing_of_events import TimingOfEventsResult

TIDY = ["term", "estimate", "std_error", "statistic", "p_value", "conf_low", "conf_high"]
LONGEST = 64
"""More than any dimension of these fits: terms, event times, periods, strata."""
GLANCE = ["model", "nobs", "n_clusters", "df", "loglik", "aic", "covariance"]

each = pytest.mark.parametrize("name", FITS)


def same(first, second):
    """Equal to the last bit, NaN to NaN."""
    pd.testing.assert_frame_equal(pd.DataFrame(first), pd.DataFrame(second), check_exact=True)


def outcome(call):
    """What a call gives: the result, or the words with which it refuses."""
    try:
        return call()
    except bip.BipstatsError as refused:
        return f"{type(refused).__name__}: {refused}"


def test_every_result_class_is_walked():
    own = {kind for kind in classes() if issubclass(kind, Result)}
    leaves = {kind for kind in own if not own & set(kind.__subclasses__())}
    assert leaves == {case.result for case in FITS.values()} == {type(fitted(name)) for name in FITS}


@each
def test_a_fit_has_every_method_but_those_that_its_case_excuses(name):
    assert {method for method in fits.METHODS if not hasattr(fitted(name), method)} == FITS[name].lacks


@each
def test_a_fit_is_frozen(name):
    fit = fitted(name)
    for attribute in (*(one.name for one in dataclasses.fields(fit)), "another"):
        with pytest.raises(AttributeError):
            setattr(fit, attribute, 1)
        with pytest.raises(AttributeError):
            delattr(fit, attribute)


@each
def test_nothing_that_a_fit_hands_out_reaches_back_into_it(name):
    case, data = FITS[name], fits.rows()
    fit = case(data)
    before = fit.to_json()
    handed = [
        fit.params,
        fit.bse,
        fit.cov,
        fit.pvalues,
        fit.conf_int(),
        fit.tidy(),
        fit.glance(),
        fit.plot_data(),
    ]
    handed += [fit.predict(data, kind) for kind in case.kinds] if case.predicts else []
    for one in handed:
        if one.ndim == 1:
            one.iloc[:] = 0
        else:
            one.loc[:, list(one.select_dtypes("number"))] = 0
    assert fit.to_json() == before


@each
def test_tidy_has_the_fixed_columns(name):
    fit = fitted(name)
    tidy, narrow, ratios = fit.tidy(), fit.tidy(0.5), fit.tidy(exponentiate=True)
    for frame in (tidy, narrow, ratios):
        assert list(frame.columns) == TIDY
        assert frame["term"].is_unique
        assert frame.notna().all(axis=None)
        assert frame["p_value"].between(0, 1).all()
        assert (frame["conf_low"] < frame["estimate"]).all() and (
            frame["estimate"] < frame["conf_high"]
        ).all()
    assert (narrow["conf_low"] > tidy["conf_low"]).all() and (narrow["conf_high"] < tidy["conf_high"]).all()
    assert_allclose(tidy["statistic"], tidy["estimate"] / tidy["std_error"], rtol=1e-12)
    ends = ["estimate", "conf_low", "conf_high"]
    assert_allclose(ratios[ends], np.exp(tidy[ends]), rtol=1e-12)
    assert_allclose(ratios["std_error"], np.exp(tidy["estimate"]) * tidy["std_error"], rtol=1e-12)
    same(ratios[["term", "statistic", "p_value"]], tidy[["term", "statistic", "p_value"]])


@each
def test_what_is_read_off_a_fit_agrees_with_its_tidy_table(name):
    fit = fitted(name)
    tidy = fit.tidy(0.9).set_index("term")
    assert list(fit.params.index) == list(tidy.index)
    for series, column in ((fit.params, "estimate"), (fit.bse, "std_error"), (fit.pvalues, "p_value")):
        pd.testing.assert_series_equal(series, tidy[column], check_exact=True, check_names=False)
    same(fit.conf_int(0.9), tidy[["conf_low", "conf_high"]])
    assert list(fit.cov.index) == list(fit.cov.columns) == list(tidy.index)
    assert_allclose(np.diag(fit.cov), tidy["std_error"] ** 2, rtol=1e-12)
    assert_allclose(fit.cov, fit.cov.T, rtol=1e-9, atol=1e-15)


@each
def test_glance_is_one_row(name):
    fit = fitted(name)
    glance = fit.glance()
    assert len(glance) == 1 and set(GLANCE) <= set(glance.columns)
    row = glance.iloc[0]
    assert (row["model"], row["nobs"], row["covariance"]) == (fit.title, fit.nobs, fit.estimates.how)
    assert row["loglik"] == fit.loglik and row["df"] == fit.n_params >= len(fit.params)
    assert fit.nobs <= len(fits.rows()) and (fit.n_events is None or 0 < fit.n_events < fit.nobs)
    assert row["aic"] >= 2 * fit.n_params - 2 * fit.loglik


def formats(summary):
    """The text of a summary in every format, marks taken off."""
    return {
        "text": str(summary),
        "html": html.unescape(summary.as_html()),
        "latex": summary.as_latex().replace("\\", ""),
        "markdown": summary.as_markdown().replace("\\", ""),
    }


@each
def test_summaries_of_every_format_say_how_the_fit_was_made(name):
    """Covariance, rows used, and rows left out with the reason; those with holes are left out and counted."""
    case, data = FITS[name], fits.rows()
    holes = data["client"].isin(["person-00003", "person-00017", "person-00040"])
    spoilt = data.assign(**{column: data[column].mask(holes) for column in ("x", "u")})
    fit, complete = case(spoilt, missing="drop"), case(data[~holes])
    same(fit.tidy(), complete.tidy())
    lost = [count for what, count in fit.fit.flow if "missing" in what]
    assert lost == [holes.sum()]
    for text in formats(fit.summary()).values():
        assert fit.estimates.how in text and f"{fit.nobs:,} rows" in text
        for what, count in fit.fit.flow:
            assert f"{what} {count:,}" in text
        for term in fit.params.index:
            assert term in text
    with pytest.raises(bip.ModelError, match=rf"^{holes.sum()} of {len(data)} rows have missing values"):
        case(spoilt)


@each
def test_summaries_are_well_formed(name):
    fit = fitted(name)
    summary = fit.summary(0.9)
    assert repr(fit) == str(fit) == str(fit.summary()) and fit._repr_html_() == fit.summary().as_html()
    assert "90%" in str(summary) and "90%" not in str(fit.summary())
    ElementTree.fromstring(summary.as_html())
    ElementTree.fromstring(summary.as_word())
    assert strict_latex.problems(summary.as_latex()) == []
    latex = [line for line in summary.as_latex().splitlines() if r"\multicolumn" not in line]
    assert len({line.count("&") for line in latex if line.endswith(r"\\")}) == 1
    table = [line for line in summary.as_markdown().splitlines() if line.startswith("|")]
    assert len(table) == 2 + len(fit.params) and len({line.count("|") for line in table}) == 1


@each
def test_predictions_of_the_training_rows_are_the_fitted_values(name):
    """Made again by hand from the tidy table, term by term."""
    case, fit, data = FITS[name], fitted(name), fits.rows().set_index(np.arange(292)[::-1] * 3)
    if not case.predicts:
        for kind in case.kinds:
            with pytest.raises(bip.ModelError, match="absorbed"):
                fit.predict(data, kind)
        return
    expected = {kind: fits.by_hand(case, fit, kind, data) for kind in case.kinds}
    assert any(values is not None for values in expected.values())
    for kind, values in expected.items():
        found = fit.predict(data, kind=kind)
        assert found.index.equals(data.index) and not found.isna().any(axis=None)
        if values is not None:
            possible = _possible(fit, data)
            assert_allclose(found, np.where(possible, values, 0.0), rtol=1e-12, atol=1e-14)
        elif isinstance(found, pd.DataFrame):  # survival and incidence at the columns' times
            assert found.columns.is_monotonic_increasing
            steps = np.diff(found.to_numpy(), axis=1) * (-1 if kind == "survival" else 1)
            assert found.to_numpy().min() >= 0 and found.to_numpy().max() <= 1 and steps.min() >= -1e-15
        turned = data.sample(frac=1, random_state=3).assign(nothing="here")
        assert_allclose(fit.predict(turned, kind), found.loc[turned.index], rtol=1e-12, atol=1e-15)
        assert_allclose(fit.predict(data.iloc[[5]], kind), found.iloc[[5]], rtol=1e-12, atol=1e-15)
        assert len(fit.predict(data.head(0), kind)) == 0


def _possible(fit, data):
    """False for periods without events and without a spline: their hazard is zero."""
    nothing = fit.eventless if hasattr(fit, "eventless") and not fit.knots else ()
    return ~data["period"].isin(nothing)


LINEAR = [name for name, case in FITS.items() if case.predicts and case.result.link is not None]


@pytest.mark.parametrize("name", LINEAR)
def test_the_linear_predictor_is_that_of_the_predictions(name):
    """What margins are made of: matrix times parameters and offset."""
    case, fit, data = FITS[name], fitted(name), fits.rows()
    linear = fit.linear(data)
    kind = next(kind for kind in case.kinds if fits.by_hand(case, fit, kind, data) is not None)
    link = {"log": np.log, "identity": lambda mean: mean, "logit": lambda mean: np.log(mean / (1 - mean))}
    link["cloglog"] = lambda mean: np.log(-np.log1p(-mean))
    possible = _possible(fit, data)
    eta = (linear.matrix @ fit.params + linear.offset)[possible]
    without = 0.0 if kind != "relative_risk" or case.added is None else case.added(data)
    assert_allclose(eta + without, link[fit.link](fit.predict(data, kind)[possible]), rtol=1e-8, atol=1e-8)


VCOV = [(name, request) for name, case in FITS.items() for request in fits.requests(case)]


@pytest.mark.parametrize(("name", "request_name"), VCOV, ids=[f"{a}: {b}" for a, b in VCOV])
def test_another_covariance_afterwards_is_that_covariance_from_the_start(name, request_name):
    """Or both refuse it with the same words. What was given stays as it was, there and in predictions."""
    case, fit, data = FITS[name], fitted(name), fits.rows()
    vcov = fits.requests(case)[request_name]
    afterwards = outcome(lambda: fit.with_vcov(vcov, data))
    at_once = outcome(lambda: case(data, vcov=vcov))
    for kind in case.kinds:
        outcome(partial(fit.predict, data, kind))
    pd.testing.assert_frame_equal(data, fits.rows(), check_exact=True)
    assert type(afterwards) is type(at_once)
    if isinstance(at_once, str):
        assert afterwards == at_once
        return
    assert_allclose(afterwards.tidy().iloc[:, 1:], at_once.tidy().iloc[:, 1:], rtol=1e-8)
    assert_allclose(afterwards.cov, at_once.cov, rtol=1e-8, atol=1e-14)
    assert str(afterwards) == str(at_once) and afterwards.clusters == at_once.clusters
    same(afterwards.params, fit.params)


@pytest.mark.parametrize("name", [name for name, case in FITS.items() if "with_vcov" not in case.lacks])
def test_its_own_covariance_is_made_again_and_no_other_data_are_taken(name):
    case, fit, data = FITS[name], fitted(name), fits.rows()
    own = case.options.get("vcov", inspect.signature(case.model).parameters["vcov"].default)
    again = fit.with_vcov(own, data.sample(frac=1, random_state=1))
    assert_allclose(again.bse, fit.bse, rtol=1e-8)
    others = {
        "altered": data.assign(x=data["x"] * 1.001, u=data["u"] * 1.001),
        "fewer": data[data["client"] > "person-00009"],
        "twice": fits.rows(2),
    }
    for other in others.values():
        with pytest.raises(bip.ModelError, match="not the data of the fit"):
            fit.with_vcov(own, other)
    with pytest.raises(bip.OptionError, match="vcov='HC3'"):
        fit.with_vcov("HC3", data)


@each
def test_hypotheses_in_words(name):
    fit = fitted(name)
    term, other = fit.params.index[-1], fit.params.index[0]
    row = fit.tidy().set_index("term").loc[term]
    test = fit.wald(f"{term} = 0")
    assert_allclose([test.statistic, test.p_value], [row["statistic"] ** 2, row["p_value"]], rtol=1e-9)
    assert fit.wald(f"{term} = {float(fit.params[term])!r}").p_value == pytest.approx(1, abs=1e-6)
    if term != other:
        both = fit.wald(f"{term} = 0, {other} = 0")
        value, inverse = fit.params[[term, other]], np.linalg.inv(fit.cov.loc[[term, other], [term, other]])
        scale = 1 if both.df_denominator is None else 2
        assert_allclose(both.statistic * scale, value @ inverse @ value, rtol=1e-9)
    with pytest.raises(bip.ModelError, match="nonsense"):
        fit.wald("nonsense = 0")


@each
def test_the_plot_has_every_term_but_intercepts(name):
    fit = fitted(name)
    axes = Figure().subplots()
    assert fit.plot(ax=axes) is axes
    said = [label.get_text() for label in axes.get_yticklabels()]
    slopes = fit.tidy()
    slopes = slopes[~slopes["term"].str.endswith("Intercept")].reset_index(drop=True)
    assert len(said) == len(set(said)) == len(slopes)
    if not isinstance(fit, TimingOfEventsResult):  # which says of which of its two models a term is
        assert said == [term_label(term) for term in slopes["term"]]
    assert isinstance(fit.plot(), Axes) and fit.plot().figure is not axes.figure
    same(fit.plot_data(), slopes)


@each
def test_the_methods_section_says_how_errors_were_made(name):
    fit = fitted(name)
    text = fit.methods_text()
    assert text.startswith("We ") and text.endswith(f"Computed with bipstats {bip.__version__}.")
    assert f"standard errors {fit.estimates.how}" in text
    assert re.search(rf"\b{fit.nobs if fit.n_events is None else fit.n_events:,} ", text)


@each
def test_saved_pickled_or_copied_it_is_the_same_to_the_last_bit(name, tmp_path):
    case, fit, data = FITS[name], fitted(name), fits.rows()
    text = fit.to_json(tmp_path / "fit.json")
    ways = [bip.read_result(text), bip.read_result(tmp_path / "fit.json")]
    ways += [pickle.loads(pickle.dumps(fit)), copy.deepcopy(fit), copy.copy(fit)]
    for again in ways:
        assert type(again) is type(fit) and again.to_json() == text
        same(again.tidy(), fit.tidy())
        same(again.cov, fit.cov)
        same(again.glance(), fit.glance())
        assert str(again) == str(fit) and again.methods_text() == fit.methods_text()
        for kind in case.kinds if case.predicts else ():
            same(again.predict(data, kind), fit.predict(data, kind))


@dataclasses.dataclass(frozen=True)
class Box:
    held: object


def test_the_walk_finds_rows_wherever_they_hide():
    data = fits.rows()
    x = data["x"].to_numpy()
    hidden = {
        r"size \(292,\)": {"deep": (data["period"],)},
        r"size \(292, 16\)": np.zeros((292, 16)),
        "names a person": pd.Series(["person-00003"], dtype=object),
        "value of a row": pd.DataFrame({"a": [0.0, x[7]]}),
        "base.*value of a row": x[:2].copy()[1:],
        "code": [lambda: data],
    }
    for said, held in hidden.items():
        assert re.search(said, "\n".join(findings(Box(held), data, LONGEST)))
    assert findings(Box({"a": (1.0, "b", np.arange(LONGEST))}), data, LONGEST) == []


@each
def test_no_rows_are_inside(name):
    """Nothing as long as the data, no value of a row's own number, no identifier."""
    data = fits.rows()
    assert findings(fitted(name), data, LONGEST) == []
    assert "person-" not in fitted(name).to_json()


@each
def test_the_size_is_the_same_for_ten_times_the_rows(name):
    one, ten = fitted(name), fitted(name, 10)
    assert ten.nobs == 10 * one.nobs
    assert len(pickle.dumps(ten)) == pytest.approx(len(pickle.dumps(one)), rel=0.05)
    assert len(ten.to_json()) == pytest.approx(len(one.to_json()), rel=0.05)


@each
def test_options_of_methods_are_refused_by_name(name):
    """Every argument with named choices, and every confidence level; unknown arguments are no arguments."""
    data = fits.rows()
    given = {"data": data, "new": data.head(3), "path": data.head(1), "vcov": "robust", "hypothesis": "x = 0"}
    asked = refuses_options(fitted(name), given)
    assert asked >= 5 - len(FITS[name].lacks)  # conf_int, predict, summary, tidy, with_vcov
