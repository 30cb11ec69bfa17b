"""Average effects: R's numbers, closed forms, finite differences, and what is refused."""

import json
from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from references import FOLDER, frame
from scipy import stats
from test_risk import cox_fits, landmark_frame

import bipstats as bip
from bipstats.core.design import fit_design
from bipstats.core.estimates import Estimates
from bipstats.core.result import Fit, Result
from bipstats.effects.means import average, compared

R = json.loads((FOLDER / "effects.json").read_text())["margins"]
SCALES = ("difference", "risk_ratio", "odds_ratio")


@cache
def logit():
    return bip.logit("late ~ karno * trt + I(age ** 2 / 1000) + age + celltype", frame("veteran"))


@cache
def hazard(link="cloglog"):
    exposure = "exposure" if link == "cloglog" else None
    return bip.hazard(
        "age * treat + height", frame("cgd_periods"), event="status", exposure=exposure, link=link
    )


@cache
def cox():
    return bip.cox(
        "age * treat + height", frame("cgd"), start="tstart", stop="tstop", event="status", id="id"
    )


def log_row(found, row=0):
    """Estimate and error of one row on the scale of its normal approximation."""
    return found.estimates.values[row], found.estimates.std_errors[row]


LOGIT = {
    "step": ("karno", "step", 0),
    "sd": ("karno", "sd", 0),
    "pair": ("age", (40, 60), 0),
    "large": ("celltype", "step", 0),
    "smallcell": ("celltype", "step", 1),
}


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("name", LOGIT)
def test_agrees_with_r_for_a_logit(name, scale):
    variable, contrast, row = LOGIT[name]
    found = bip.margins(logit(), frame("veteran"), variable, contrast=contrast, scale=scale)
    value, error = log_row(found, row)
    assert_allclose(value, R[name]["value"][SCALES.index(scale)], rtol=1e-8)
    assert_allclose(error, R[name]["std_error"][SCALES.index(scale)], rtol=1e-8)


@pytest.mark.parametrize("scale", SCALES)
def test_agrees_with_r_for_a_hazard_in_periods(scale):
    found = bip.margins(hazard(), frame("cgd_periods"), "age", scale=scale)
    assert_allclose(log_row(found)[0], R["hazard"]["value"][SCALES.index(scale)], rtol=1e-8)
    assert_allclose(log_row(found)[1], R["hazard"]["std_error"][SCALES.index(scale)], rtol=1e-8)
    assert "in a period" in str(found.summary())


@pytest.mark.parametrize("variable", ["age", "treat"])
def test_agrees_with_r_for_hazard_ratios_with_an_interaction(variable):
    found = bip.margins(cox(), frame("cgd"), variable, scale="hazard_ratio")
    assert_allclose(log_row(found)[0], R[f"cox_{variable}"]["value"], rtol=1e-8)
    assert_allclose(log_row(found)[1], R[f"cox_{variable}"]["std_error"], rtol=1e-8)


def two_groups(a, b, c, d):
    """Successes and failures without (a, b) and with (c, d) the covariate."""
    counts = {(0, 1): a, (0, 0): b, (1, 1): c, (1, 0): d}
    rows = [key for key, count in counts.items() for _ in range(count)]
    return pd.DataFrame(rows, columns=["x", "y"])


@settings(deadline=None, max_examples=15)
@given(st.tuples(*[st.integers(1, 30)] * 4))
def test_one_binary_covariate_gives_the_textbook_formulas(cells):
    a, b, c, d = cells
    rows = two_groups(*cells)
    fit = bip.logit("y ~ x", rows)
    p, q, n, m = a / (a + b), c / (c + d), a + b, c + d
    expected = {
        "difference": (q - p, np.sqrt(p * (1 - p) / n + q * (1 - q) / m)),
        "risk_ratio": (np.log(q / p), np.sqrt((1 - p) / a + (1 - q) / c)),
        "odds_ratio": (np.log(c * b / (a * d)), np.sqrt(1 / a + 1 / b + 1 / c + 1 / d)),
    }
    for scale, values in expected.items():
        assert_allclose(log_row(bip.margins(fit, rows, "x", scale=scale)), values, rtol=1e-6, atol=1e-9)


def moved(fit, data, scale, step=1e-6):
    """Gradient of a comparison by central differences."""
    base = fit.estimates.values
    found = []
    for unit in np.eye(len(base)):
        sides = [
            compared(
                replace(fit, estimates=replace(fit.estimates, values=base + sign * step * unit)), scale, *data
            ).value
            for sign in (1, -1)
        ]
        found.append((sides[0] - sides[1]) / (2 * step))
    return np.array(found)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("fit", [logit, hazard, lambda: hazard("logit")])
def test_gradients_agree_with_finite_differences(fit, scale):
    fit = fit()
    rows = frame("veteran") if fit.title == "Logit" else frame("cgd_periods")
    data = rows, rows.assign(age=rows["age"] + 1)
    assert_allclose(compared(fit, scale, *data).gradient, moved(fit, data, scale), rtol=1e-6, atol=1e-8)


def test_the_average_prediction_is_that_of_predict():
    for fit, rows in ((logit(), frame("veteran")), (hazard(), frame("cgd_periods"))):
        assert_allclose(average(fit, fit.link, rows).value, fit.predict(rows).mean(), rtol=1e-13)


def test_periods_without_events_have_hazard_zero():
    rows = frame("cgd_periods")
    late = rows.tail(3).assign(period=99, status=0)
    fit = bip.hazard("age", pd.concat([rows, late]), event="status")
    assert average(fit, fit.link, late).value == 0
    both = bip.margins(fit, pd.concat([rows, late]), "age")
    alone = bip.margins(fit, rows, "age")
    share = len(rows) / (len(rows) + 3)
    assert_allclose(both.table["estimate"], share * alone.table["estimate"], rtol=1e-12)


def test_splines_and_categories_are_changed_wherever_they_stand():
    rows = frame("veteran")
    fit = bip.logit("late ~ bs(karno, df=4) + cr(age, df=3):trt + celltype", rows)
    low, high = rows.assign(karno=40), rows.assign(karno=70)
    found = bip.margins(fit, rows, "karno", contrast=(40, 70)).table
    assert_allclose(found["estimate"], (fit.predict(high) - fit.predict(low)).mean(), rtol=1e-12)
    assert found["contrast"].tolist() == ["70 vs 40"]
    with pytest.raises(bip.ModelError, match="do not reach beyond the data"):
        bip.margins(fit, rows, "karno")
    found = bip.margins(fit, rows, "celltype")
    assert found.table["contrast"].tolist() == ["large vs adeno", "smallcell vs adeno", "squamous vs adeno"]


class Line(Result):
    """A linear model by the protocol: estimates, design and a link."""

    title = "Line"
    link = "identity"


def line(df=None):
    rows = frame("veteran")
    design, x = fit_design("karno * trt + age", rows)
    z = np.column_stack([np.ones(len(x)), x])
    values, *_ = np.linalg.lstsq(z, np.log(rows["time"]), rcond=None)
    degrees = None if df is None else np.array(df)
    estimates = Estimates(("Intercept", *design.names), values, np.linalg.inv(z.T @ z), "made here", degrees)
    return Line(estimates, design, Fit(np.nan, len(rows), 0, None, 0, ())), rows


def test_any_model_with_a_design_and_a_link_has_margins():
    fit, rows = line()
    b = fit.params
    found = bip.margins(fit, rows, "karno")
    assert_allclose(found.table["estimate"], b["karno"] + b["karno:trt"] * rows["trt"].mean(), rtol=1e-10)
    weight = np.array([0, 1, 0, rows["trt"].mean(), 0])
    order = [("Intercept", "karno", "trt", "karno:trt", "age").index(name) for name in fit.params.index]
    assert_allclose(
        found.table["std_error"], np.sqrt(weight[order] @ fit.cov.to_numpy() @ weight[order]), rtol=1e-10
    )


def test_the_fewest_degrees_of_freedom_are_used():
    fit, rows = line(df=[9.0, 4.0, 7.0, 5.0, 6.0])
    found = bip.margins(fit, rows, "karno", level=0.9)
    row = found.table.iloc[0]
    assert_allclose(row["conf_high"] - row["estimate"], stats.t(4).ppf(0.95) * row["std_error"], rtol=1e-12)
    assert_allclose(row["p_value"], 2 * stats.t(4).sf(abs(row["statistic"])), rtol=1e-12)
    assert "4 degrees of freedom, the fewest" in str(found.summary())


def test_one_unit_without_interaction_is_the_hazard_ratio_itself():
    rows = frame("cgd")
    fit = bip.cox(
        "age + height", rows, start="tstart", stop="tstop", event="status", vcov=bip.cluster("center")
    )
    ours = bip.margins(fit, rows, "age", scale="hazard_ratio").tidy(0.9)
    theirs = fit.tidy(0.9, exponentiate=True).query("term == 'age'")
    for column in ("estimate", "std_error", "statistic", "p_value", "conf_low", "conf_high"):
        assert_allclose(ours[column], theirs[column], rtol=1e-12)


def test_subdistribution_hazard_ratios_are_named():
    rows = frame("fine_gray")
    fit = bip.fine_gray("age + sex", rows, event="exit == pcm")
    found = bip.margins(fit, rows, "age", scale="hazard_ratio")
    assert_allclose(found.table["estimate"], np.exp(fit.params["age"]), rtol=1e-12)
    assert "subdistribution hazard ratio" in str(found.summary())
    with pytest.raises(bip.ModelError, match=r"alone. For its incidences .* predict"):
        bip.margins(fit, rows, "age", scale="risk_ratio")


def test_risks_at_a_horizon_are_those_of_risk():
    rows = landmark_frame()
    fits = cox_fits(rows)
    risk = bip.risk(fits, rows, at={"x": "+1"}).table.set_index(["quantity", "exit"])
    for scale, quantity in (
        ("difference", "difference"),
        ("risk_ratio", "ratio"),
        ("odds_ratio", "odds ratio"),
    ):
        found = bip.margins(fits, rows, "x", horizon=52, scale=scale).table
        assert found["term"].tolist() == ["job: x", "other: x"]
        for column in ("estimate", "std_error", "conf_low", "conf_high"):
            assert_allclose(found[column], risk.loc[quantity, column], rtol=1e-10)


def test_odds_ratios_of_risks_by_hand():
    rows = landmark_frame()
    table = bip.risk(cox_fits(rows), rows, at={"x": 5}).table.set_index(["exit", "quantity"])["estimate"]
    before, after = table["job", "risk"], table["job", "risk changed"]
    assert_allclose(table["job", "odds ratio"], after / (1 - after) * (1 - before) / before, rtol=1e-12)


def test_hazard_ratios_of_causes_leave_out_a_cause_without_the_covariate():
    rows = landmark_frame().assign(z=lambda d: d.index % 5)
    fits = cox_fits(rows)
    fits["other"] = bip.cox("z", rows, start=None, stop="weeks", event="exit == other")
    found = bip.margins(fits, rows, "x", horizon=52, scale="hazard_ratio")
    assert found.table["term"].tolist() == ["job: x"]
    assert_allclose(found.table["estimate"], np.exp(fits["job"].params["x"]), rtol=1e-12)
    assert_allclose(found.estimates.std_errors, fits["job"].bse["x"], rtol=1e-12)
    assert found.facts["no ratio for"] == "other"


def test_levels_at_a_horizon_have_one_row_by_cause_and_level():
    rows = landmark_frame().assign(g=lambda d: np.array(["a", "b", "c"])[d.index % 3])
    fits = {
        way: bip.cox("x + C(g)", rows, start=None, stop="weeks", event=f"exit == {way}")
        for way in ("job", "other")
    }
    found = bip.margins(fits, rows, "g", horizon=52)
    assert list(zip(found.table["term"], found.table["contrast"], strict=True)) == [
        ("job: g", "b vs a"),
        ("job: g", "c vs a"),
        ("other: g", "b vs a"),
        ("other: g", "c vs a"),
    ]
    a, b = (bip.risk(fits, rows.assign(g=level)).table for level in "ab")
    assert_allclose(
        found.table["estimate"].iloc[0], b["estimate"].iloc[0] - a["estimate"].iloc[0], rtol=1e-10
    )
    shares = found.estimates.covariance / np.outer(found.estimates.std_errors, found.estimates.std_errors)
    assert 0.3 < shares[0, 1] < 0.7  # two levels against the same reference


def test_what_is_averaged_and_left_out_is_said():
    rows = frame("veteran")
    rows.loc[rows.index[:3], "age"] = np.nan
    fit = bip.logit("late ~ age + karno", rows, missing="drop")
    with pytest.raises(bip.ModelError, match="3 of 137 rows have missing values: age"):
        bip.margins(fit, rows, "karno")
    text = str(bip.margins(fit, rows, "karno", contrast="sd", missing="drop").summary())
    assert "134 rows (3 with missing values left out)" in text
    assert "karno, +1 sd (2" in text
    assert "rows leave the observed range 10 to 99" in text
    assert str(bip.margins(fit, rows.dropna(), "karno", contrast="sd").summary()) != text


def test_risk_counts_rows_left_out_too():
    rows = landmark_frame()
    rows.loc[rows.index[:4], "x"] = np.nan
    fits = cox_fits(rows.dropna())
    with pytest.raises(bip.ModelError, match="4 of 1,500 rows have missing values"):
        bip.risk(fits, rows)
    found = bip.risk(fits, rows, missing="drop")
    assert "1,496 rows (4 with missing values left out)" in str(found.summary())
    assert_allclose(found.table["estimate"], bip.risk(fits, rows.dropna()).table["estimate"])


def test_a_probability_without_intercept_is_refused():
    rows = frame("veteran")
    fit = bip.logit("late ~ karno + age", rows)
    own = fit.estimates
    slopes = replace(own, names=own.names[1:], values=own.values[1:], covariance=own.covariance[1:, 1:])
    with pytest.raises(bip.ModelError, match="has no intercept"):
        bip.margins(replace(fit, estimates=slopes), rows, "karno")


REFUSED = {
    "risk of a cox": (
        lambda: bip.margins(cox(), frame("cgd"), "age"),
        r"hazard_ratio\" alone. A single fit gives no",
    ),
    "risk of a hazard": (
        lambda: bip.margins(hazard(), frame("cgd_periods"), "age", horizon=4),
        r"horizon= belongs to risks at a horizon. A single fit gives no risk.*Fit every exit",
    ),
    "hazard ratio of a logit": (
        lambda: bip.margins(logit(), frame("veteran"), "age", scale="hazard_ratio"),
        "scale='hazard_ratio' is none of Logit",
    ),
    "hazard ratio with the logit link": (
        lambda: bip.margins(hazard("logit"), frame("cgd_periods"), "age", scale="hazard_ratio"),
        "is none of Discrete-time hazard",
    ),
    "ratio of a line": (lambda: bip.margins(*line(), "age", scale="risk_ratio"), "it has difference"),
    "unknown covariate": (
        lambda: bip.margins(logit(), frame("veteran"), "time"),
        "'time' is not in the formula",
    ),
    "unknown level": (
        lambda: bip.margins(logit(), frame("veteran"), "celltype", contrast=("adeno", "x")),
        "'x' is not a level of the fit; it knows adeno",
    ),
    "sd of labels": (
        lambda: bip.margins(logit(), frame("veteran"), "celltype", contrast="sd"),
        "is categorical",
    ),
    "words for a number": (
        lambda: bip.margins(logit(), frame("veteran"), "age", contrast=("young", "old")),
        "'young' is not a number",
    ),
    "half a pair": (lambda: bip.margins(logit(), frame("veteran"), "age", contrast=(40,)), "is no pair"),
    "unknown contrast": (
        lambda: bip.margins(logit(), frame("veteran"), "age", contrast="jump"),
        "contrast='jump'",
    ),
    "unknown scale": (lambda: bip.margins(logit(), frame("veteran"), "age", scale="ratio"), "scale='ratio'"),
    "no level": (
        lambda: bip.margins(logit(), frame("veteran"), "age", level=95),
        "is not a confidence level",
    ),
    "no fit": (lambda: bip.margins("fit", frame("veteran"), "age"), "neither a fitted model nor a dict"),
    "no horizon": (
        lambda: bip.margins(cox_fits(landmark_frame()), landmark_frame(), "x"),
        "horizon= is missing",
    ),
    "lost column": (
        lambda: bip.margins(logit(), frame("veteran").drop(columns="karno"), "age"),
        "no column 'karno'",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_done_is_refused(name):
    call, message = REFUSED[name]
    with pytest.raises((bip.ModelError, bip.OptionError), match=message):
        call()


def test_every_face_of_the_result():
    found = bip.margins(logit(), frame("veteran"), "celltype", scale="odds_ratio")
    assert found.table.columns.tolist() == [
        "term", "contrast", "estimate", "std_error", "statistic", "p_value", "conf_low", "conf_high",
    ]  # fmt: skip
    pd.testing.assert_frame_equal(found.tidy(), found.table)
    assert found.plot_data()["term"].tolist()[0] == "celltype: large vs adeno"
    axes = found.plot()
    assert axes.get_xscale() == "log"
    assert "<table>" in found._repr_html_()
    assert "large vs adeno" in repr(found)
    assert r"\toprule" in found.summary().as_latex()
