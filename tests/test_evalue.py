"""E-values: the paper's worked examples, its formulas by hand, and the curve."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from references import frame
from test_margins import line

import bipstats as bip


def test_the_papers_example_by_hand():
    """VanderWeele & Ding (2017): RR 3.9 (1.8 to 8.7) has E-values 7.26 and 3.0."""
    table = bip.e_value(3.9, interval=(1.8, 8.7)).table
    assert_allclose(table["e_value"], [3.9 + np.sqrt(3.9 * 2.9), 1.8 + np.sqrt(1.8 * 0.8)], rtol=1e-14)
    assert table["e_value"].round(2).tolist() == [7.26, 3.0]


def test_a_protective_effect_is_turned_over():
    """As there: RR 0.80 (0.71 to 0.91) has E-values 1.81 and 1.43."""
    table = bip.e_value(0.8, interval=(0.71, 0.91)).table
    assert table["e_value"].round(2).tolist() == [1.81, 1.43]
    assert_allclose(table["e_value"].iloc[0], 1.25 + np.sqrt(1.25 * 0.25), rtol=1e-14)


def test_an_interval_that_covers_one_needs_no_confounding():
    table = bip.e_value(1.2, interval=(0.9, 1.6)).table
    assert table["e_value"].iloc[1] == 1
    assert table["ratio"].iloc[1] == 1
    assert bip.e_value(1.2, interval=(0.9, 1.6)).plot_data()["quantity"].unique().tolist() == ["estimate"]


def test_common_outcomes_are_approximated():
    odds = bip.e_value(4.0, interval=(1.44, 9.0), scale="odds_ratio", rare=False).table
    assert_allclose(odds["risk_ratio"], [2.0, 1.2], rtol=1e-14)
    hazard = bip.e_value(2.0, scale="hazard_ratio", rare=False).table
    expected = (1 - 0.5 ** np.sqrt(2)) / (1 - 0.5 ** np.sqrt(0.5))
    assert_allclose(hazard["risk_ratio"], [expected], rtol=1e-14)
    rare = bip.e_value(2.0, scale="hazard_ratio", rare=True).table
    assert_allclose(rare["e_value"], [2 + np.sqrt(2)], rtol=1e-14)


@settings(deadline=None, max_examples=30)
@given(st.floats(0.05, 20).filter(lambda ratio: abs(ratio - 1) > 0.01))
def test_every_point_of_the_curve_just_explains_the_effect(ratio):
    found = bip.e_value(ratio)
    curve, value = found.plot_data(), found.table["e_value"].iloc[0]
    x, y = curve["with_exposure"], curve["with_outcome"]
    above = max(ratio, 1 / ratio)
    assert_allclose(x * y / (x + y - 1), above, rtol=1e-9)  # the bounding factor of Ding & VanderWeele
    assert_allclose(np.maximum(x, y).min(), value, rtol=1e-9)
    assert_allclose(x.to_numpy(), y.to_numpy()[::-1], rtol=1e-9)
    assert_allclose(bip.e_value(1 / ratio).table["e_value"], found.table["e_value"], rtol=1e-12)


def cox(vcov="model"):
    return bip.cox("trt + karno", frame("veteran"), start=None, stop="time", event="status", vcov=vcov)


def test_a_term_of_a_fit_has_the_fits_interval():
    fit = cox()
    found = bip.e_value(fit, "karno", rare=False, level=0.9)
    row = fit.tidy(0.9, exponentiate=True).set_index("term").loc["karno"]
    assert found.scale == "hazard_ratio"
    assert_allclose(found.ratios, [row["estimate"], row["conf_high"]], rtol=1e-14)


def test_subdistribution_hazard_ratios_count_as_hazard_ratios():
    fit = bip.fine_gray("age + sex", frame("fine_gray"), event="exit == pcm")
    assert bip.e_value(fit, "age", rare=True).scale == "hazard_ratio"


def test_margins_give_risk_ratios():
    rows = frame("veteran")
    effects = bip.margins(bip.logit("late ~ karno + celltype", rows), rows, "celltype", scale="risk_ratio")
    found = bip.e_value(effects, "large vs adeno")
    row = effects.table.iloc[0]
    assert_allclose(found.ratios, [row["estimate"], max(row["conf_low"], 1)], rtol=1e-14)
    assert found.term == "celltype: large vs adeno"


REFUSED = {
    "a line": (lambda: bip.e_value(line()[0], "age"), "no log ratios"),
    "rare unsaid": (lambda: bip.e_value(cox(), "karno"), "rare= is missing.*hazard ratio"),
    "rare for risks": (lambda: bip.e_value(2.0, rare=True), "rare= belongs to odds and hazard ratios"),
    "unknown term": (
        lambda: bip.e_value(cox(), "x", rare=True),
        "'x' is none of the effects, which are trt, karno",
    ),
    "no term": (lambda: bip.e_value(cox(), rare=True), "None is none of the effects"),
    "another scale": (
        lambda: bip.e_value(cox(), "trt", scale="odds_ratio", rare=True),
        "contradicts the fit",
    ),
    "interval of a fit": (lambda: bip.e_value(cox(), "trt", interval=(1, 2), rare=True), "a fit has its own"),
    "negative": (lambda: bip.e_value(-1.0), "no fit and no ratio"),
    "text": (lambda: bip.e_value("two"), "no fit and no ratio"),
    "interval beside": (lambda: bip.e_value(2.0, interval=(2.5, 3.0)), "does not hold the ratio 2"),
    "half an interval": (lambda: bip.e_value(2.0, interval=(1.5,)), "is no pair"),
    "scale": (lambda: bip.e_value(2.0, scale="ratio"), "scale='ratio'"),
    "rare in words": (lambda: bip.e_value(2.0, scale="odds_ratio", rare="no"), "rare='no'"),
    "differences": (
        lambda: bip.e_value(
            bip.margins(
                bip.logit("late ~ karno", frame("veteran")), frame("veteran"), "karno", contrast=(40, 60)
            )
        ),
        "are differences",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_done_is_refused(name):
    call, message = REFUSED[name]
    with pytest.raises((bip.ModelError, bip.OptionError), match=message):
        call()


def test_every_face_of_the_result():
    found = bip.e_value(cox(), "karno", rare=False)
    assert "outcome common: approximated" in repr(found)
    assert "<table>" in found._repr_html_()
    assert found.plot_data().columns.tolist() == ["quantity", "with_exposure", "with_outcome"]
    lines = [text.get_text() for text in found.plot().get_legend().get_texts()]
    assert [line.split(":")[0] for line in lines] == ["estimate", "limit nearer one"]
    nothing = bip.e_value(1.0)
    assert nothing.table["e_value"].tolist() == [1.0]
    assert nothing.plot_data().empty
    assert nothing.plot().get_legend() is None
