"""Spline columns of our own: formulaic's to the last digits, closed forms, and what is refused."""

import formulaic
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

import bipstats as bip
from bipstats.core.design import fit_design
from bipstats.core.splines import Spline, basis, place
from bipstats.errors import ModelError

FORMULAS = (
    "bs(x)",
    "bs(x, df=3)",
    "bs(x, df=6)",
    "bs(x, df=5, degree=2)",
    "bs(x, df=4, degree=1)",
    "bs(x, knots=[40, 50])",
    "bs(x, df=5, lower_bound=0, upper_bound=100)",
    "cr(x, df=2)",
    "cr(x, df=5)",
    "cr(x, knots=[40, 50, 55])",
    "cr(x, df=4, lower_bound=35, upper_bound=55)",
    "cr(x, df=4, lower_bound=0, upper_bound=100)",
)


@pytest.fixture
def data():
    draw = np.random.default_rng(6)
    return pd.DataFrame({"x": np.concatenate([draw.normal(45, 8, 200), [40.0, 50.0, 50.0]])})


def formulaics(text, data):
    centred = text.replace(")", ", constraints='center')") if text.startswith("cr") else text
    return formulaic.model_matrix(f"0 + {centred}", data)


@pytest.mark.parametrize("text", FORMULAS)
def test_columns_are_formulaics(data, text):
    design, matrix = fit_design(text, data)
    expected = formulaics(text, data)
    assert len(design.names) == matrix.shape[1] == expected.shape[1]
    assert_allclose(matrix, expected.to_numpy(float), rtol=1e-12, atol=1e-12)
    later = data.sample(20, random_state=1)
    again = expected.model_spec.get_model_matrix(later).to_numpy(float)
    assert_allclose(design.matrix(later), again, rtol=1e-12, atol=1e-12)


def test_natural_splines_go_on_as_formulaics_beyond_the_data(data):
    design, _ = fit_design("cr(x, df=4)", data)
    far = pd.DataFrame({"x": [-20.0, 0.0, 80.0, 90.0, 100.0]})
    expected = formulaics("cr(x, df=4)", data).model_spec.get_model_matrix(far).to_numpy(float)
    assert_allclose(design.matrix(far), expected, rtol=1e-12, atol=1e-12)
    lines = np.diff(design.matrix(far)[2:], axis=0)
    assert_allclose(lines[0], lines[1], rtol=1e-10)


@settings(deadline=None, max_examples=25)
@given(st.lists(st.integers(0, 1000), min_size=8, max_size=30, unique=True), st.integers(3, 7))
def test_b_splines_with_the_first_add_to_one_and_are_not_negative(values, df):
    x = np.array(values, dtype=float)
    columns = basis(place("bs", x, {"df": df}), x)
    assert columns.min() >= 0
    assert (columns.sum(axis=1) <= 1 + 1e-12).all()
    assert_allclose(columns[x.argmin()], 0, atol=1e-12)
    assert_allclose(columns[x.argmax()], np.eye(df)[-1], atol=1e-12)


def test_bernstein_polynomials_by_hand():
    x = np.array([0.0, 0.25, 1.0])
    expected = np.column_stack([3 * x * (1 - x) ** 2, 3 * x**2 * (1 - x), x**3])
    assert_allclose(basis(Spline("bs", (0.0, 1.0)), x), expected, atol=1e-15)


def test_one_column_of_a_natural_spline_is_a_straight_line(data):
    _, matrix = fit_design("cr(x, df=1)", data)
    assert abs(np.corrcoef(matrix[:, 0], data["x"])[0, 1]) == pytest.approx(1, abs=1e-12)


def test_centred_columns_have_mean_zero_and_span_the_straight_line(data):
    _, matrix = fit_design("cr(x, df=4)", data)
    assert_allclose(matrix.mean(axis=0), 0, atol=1e-12)
    line = data["x"] - data["x"].mean()
    assert_allclose(matrix @ np.linalg.lstsq(matrix, line, rcond=None)[0], line, atol=1e-9)


REFUSED = {
    "too few columns": ("bs(x, df=2)", "df=2 is too few"),
    "df in words": ("bs(x, df='four')", "df='four' is not a whole number"),
    "degree below zero": ("bs(x, degree=-1)", "degree=-1 is not a number|degree=-1 is not a whole number"),
    "both": ("bs(x, df=4, knots=[40])", "df or knots, not both"),
    "neither": ("cr(x)", "how many columns"),
    "code": ("bs(x, df=abs(4))", r"df=abs\(4\) is not a number"),
    "a column": ("bs(x, knots=[x])", r"knots=\[x\] is not a number"),
    "outside": ("bs(x, knots=[500])", r"do not lie apart, strictly between"),
    "heaped": ("bs(heap, df=6)", r"many equal ones"),
    "repeated": ("cr(x, knots=[40, 40])", r"few distinct values"),
    "no room": ("bs(x, lower_bound=5, upper_bound=5)", "not below the upper bound"),
    "nothing between": ("cr(x, df=3, lower_bound=1000, upper_bound=2000)", "no value lies between"),
    "degree of cr": ("cr(x, df=4, degree=2)", "natural splines are cubic"),
    "constant": ("cr(one, df=4)", "not below the upper bound"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_made_is_refused_with_the_reason(data, name):
    text, message = REFUSED[name]
    heap = np.minimum(np.arange(len(data)), 5)
    with pytest.raises(ModelError, match=message) as raised:
        fit_design(text, data.assign(heap=heap, one=1.0))
    assert "cannot be made" in str(raised.value)


def test_b_splines_say_how_many_values_lie_beyond(data):
    design, _ = fit_design("bs(x, df=4)", data)
    with pytest.raises(ModelError, match=r"2 values lie beyond .* do not reach beyond the data"):
        design.matrix(pd.DataFrame({"x": [45.0, 1000.0, -1000.0]}))


@pytest.mark.parametrize("spline", ["bs(x, df=4)", "cr(x, df=4)"])
def test_knots_are_those_of_the_data_however_its_rows_are_collapsed_or_merged(spline):
    """Rows that are joined for speed count in full: the same model whatever the covariance, as R's ``bs`` has it."""
    rng = np.random.default_rng(3)
    x = rng.geometric(0.25, 300).astype(float)  # few values, some of them often
    data = pd.DataFrame(
        {
            "x": x,
            "client": np.repeat(np.arange(60), 5),
            "period": np.tile(np.arange(5), 60),
            "stop": np.tile(np.arange(1, 6), 60),
            "event": rng.integers(0, 2, 300) * (np.tile(np.arange(5), 60) == 4),
            "y": rng.integers(0, 2, 300),
        }
    )
    data["x"] = np.where(data["client"] < 40, data.groupby("client")["x"].transform("first"), data["x"])
    periods = data.drop(columns="client")
    models = {
        "logit": [
            bip.logit(f"y ~ {spline}", data, vcov=v) for v in ("model", "robust", bip.cluster("client"))
        ],
        "hazard": [bip.hazard(spline, periods.assign(event=data["y"]), vcov=v) for v in ("model", "robust")],
        "cox": [
            bip.cox(spline, rows, start="period", id=id)
            for rows, id in ((data, "client"), (data.drop(columns="client"), None))
        ],
    }
    for name, fits in models.items():
        [factor] = fits[0].design.factors.values()
        assert factor.spline.knots == place(spline[:2], data["x"].to_numpy(float), {"df": 4}).knots, name
        for fit in fits[1:]:
            assert_allclose(fit.params, fits[0].params, rtol=1e-9, err_msg=name)
    assert dict(models["logit"][0].fit.flow)["collapsed into an equal row"] > 100
    assert dict(models["cox"][0].fit.flow)["merged into the row before"] > 100
