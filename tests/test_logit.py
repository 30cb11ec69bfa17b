"""Logit against R's glm and sandwich, a closed form, and statsmodels as second opinion."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from numpy.testing import assert_allclose
from references import frame, r_numbers

import bipstats as bip

FORMULA = "late ~ karno + age + celltype"


@pytest.fixture
def veteran():
    data = frame("veteran")
    data["celltype"] = pd.Categorical(data["celltype"], ["squamous", "smallcell", "adeno", "large"])
    return data


def test_agrees_with_r(veteran):
    expected = r_numbers("glm")["logit"]
    fit = bip.logit(FORMULA, veteran)
    assert_allclose(fit.params, expected["coef"], rtol=1e-8)
    assert_allclose(fit.bse, expected["std_error"], rtol=1e-8)
    assert_allclose(fit.loglik, expected["loglik"], rtol=1e-12)
    assert_allclose(fit.with_vcov("robust", veteran).bse, expected["robust"], rtol=1e-8)


def test_weights_agree_with_r(veteran):
    expected, fit = r_numbers("glm")["logit weights"], bip.logit(FORMULA, veteran, weights="w")
    assert_allclose(fit.params, expected["coef"], rtol=1e-8)
    assert_allclose(fit.bse, expected["std_error"], rtol=1e-8)


def test_two_by_two_table_closed_form():
    """Odds 2/8 against 6/4: log odds ratio log(6), error sqrt(1/2 + 1/8 + 1/6 + 1/4)."""
    rows = pd.DataFrame({"y": [1] * 2 + [0] * 8 + [1] * 6 + [0] * 4, "x": [0] * 10 + [1] * 10})
    fit = bip.logit("y ~ x", rows)
    assert_allclose(fit.params["x"], np.log(6), rtol=1e-12)
    assert_allclose(fit.bse["x"], np.sqrt(1 / 2 + 1 / 8 + 1 / 6 + 1 / 4), rtol=1e-10)
    assert_allclose(fit.predict(rows).groupby(rows["x"]).first(), [0.2, 0.6], rtol=1e-12)


def test_statsmodels_agrees_on_interactions_and_splines(veteran):
    fit = bip.logit("late ~ karno * C(trt) + bs(age, df=4)", veteran)
    exog = np.column_stack([np.ones(len(veteran)), fit.design.matrix(veteran)])
    other = sm.Logit(veteran["late"], exog).fit(disp=0, method="newton", tol=1e-12)
    assert_allclose(fit.params, other.params, rtol=1e-6)
    assert list(fit.params.index[:4]) == ["Intercept", "karno", "trt[2]", "karno:trt[2]"]


DTYPES = {
    "bool": lambda c: c.astype(bool),
    "boolean": lambda c: c.astype("boolean"),
    "Int64": lambda c: c.astype("Int64"),
    "Float64": lambda c: c.astype("Float64"),
    "object": lambda c: c.astype(object),
    "float32": lambda c: c.astype("float32"),
}


@pytest.mark.parametrize("dtype", DTYPES)
def test_dtype_of_outcome_and_covariate_does_not_matter(veteran, dtype):
    veteran["old"] = (veteran["age"] > 60).astype(int)
    plain = bip.logit("late ~ old + karno", veteran)
    cast = veteran.assign(late=DTYPES[dtype](veteran["late"]), old=DTYPES[dtype](veteran["old"]))
    again = bip.logit("late ~ old + karno", cast)
    assert list(again.params.index) == ["Intercept", "old", "karno"]
    assert_allclose(again.params, plain.params, rtol=1e-12)


def test_nothing_is_changed_in_the_data(veteran):
    before = veteran.copy(deep=True)
    bip.logit(FORMULA, veteran, vcov=bip.cluster("trt", "celltype"))
    pd.testing.assert_frame_equal(veteran, before)


def test_result_holds_no_rows(veteran):
    import pickle

    once, ten = (len(pickle.dumps(bip.logit(FORMULA, pd.concat([veteran] * n)))) for n in (1, 10))
    assert abs(ten - once) < 200


BAD = {
    "y = 1 everywhere": (lambda d: d.assign(late=1), "is 1 in all 137 rows"),
    "y = 0 everywhere": (lambda d: d.assign(late=0), "no events"),
    "perfect": (
        lambda d: d.assign(karno=d["late"] * 3.5 + d["age"] / 1e4),
        r"karno >= 3\.50\d+ has only events in 53 rows",
    ),
    "separated level": (
        lambda d: d.assign(celltype=np.where((d["late"] == 0) & (d["trt"] == 1), "zero", d["celltype"])),
        r"celltype\[zero\] = 1 has no events in \d+ rows",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_estimated_is_refused(veteran, name):
    spoil, message = BAD[name]
    with pytest.raises(bip.ModelError, match=message):
        bip.logit(FORMULA, spoil(veteran))
