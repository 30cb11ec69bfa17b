"""Likelihood-ratio tests against R's anova, and fits on R's data sets that the tests above do not use."""

import numpy as np
import pytest
from cox_cases import fitted, made, r_numbers, spells
from numpy.testing import assert_allclose
from references import frame
from scipy.stats import chi2

import bipstats as bip

BASES = {
    "ovarian": dict(formula="age + resid_ds + rx + ecog_ps", start=None, stop="futime", event="fustat"),
    "lung": dict(formula="age + sex + ph_ecog + ph_karno + wt_loss", start=None, stop="time", event="status"),
    "retinopathy": dict(
        formula="trt + type + risk + trt:type",
        start=None,
        stop="futime",
        event="status",
        vcov=bip.cluster("id"),
    ),
    "retinopathy strata": dict(formula="trt", strata="id", start=None, stop="futime", event="status"),
}


@pytest.mark.parametrize("name", BASES)
def test_fits_agree_with_r(name):
    arguments = dict(BASES[name])
    fit = bip.cox(arguments.pop("formula"), made(name.split()[0]), **arguments)
    expected = r_numbers("base")[name]
    assert_allclose(fit.params, expected["coef"], rtol=1e-8)
    assert_allclose(fit.bse, expected["std_error"], rtol=1e-8)
    assert_allclose([fit.fit.loglik_null, fit.loglik], expected["loglik"], rtol=1e-11)


def test_likelihood_ratio_agrees_with_r():
    larger, data = fitted("heart")
    found, expected = bip.lr_test(bip.cox("age + year", data), larger), r_numbers("lr_test")
    assert found.terms == ("surgery", "transplant")
    assert_allclose(
        [found.statistic, found.df, found.p_value], [expected[k] for k in ("chi2", "df", "p")], rtol=1e-8
    )
    assert f"all slopes zero: chi2(4) = {expected['all']:.4g}, p 0.004" in str(larger)
    clustered = larger.with_vcov(bip.cluster("id"), data)
    assert "all slopes zero" not in str(clustered)


def test_hazard_and_logit_against_the_closed_form():
    """One more term for a 0/1 column in a logit with nothing else: log-likelihoods of shares."""
    data = frame("veteran").assign(old=lambda d: (d["age"] > 60).astype(float), one=lambda d: d["karno"] / 10)
    few, many = bip.logit("late ~ one", data), bip.logit("late ~ one + old", data)
    found = bip.lr_test(few, many)
    assert found.df == 1 and np.isclose(found.statistic, 2 * (many.loglik - few.loglik))
    assert np.isclose(found.p_value, chi2.sf(found.statistic, 1)) and "test of old" in repr(found)
    periods = frame("cgd_periods")
    small = bip.hazard("treat", periods, event="status")
    assert bip.lr_test(small, bip.hazard("treat + age", periods, event="status")).terms == ("age",)


def _heart(formula="age + year", **arguments):
    return bip.cox(formula, made("heart"), **arguments)


REFUSED = {
    "not nested": (lambda: (_heart("surgery"), _heart()), "the larger lacks surgery"),
    "the same": (lambda: (_heart(), _heart()), "the same terms"),
    "other ties": (lambda: (_heart("age", ties="breslow"), _heart()), r"ties \('breslow' and 'efron'\)"),
    "other strata": (
        lambda: (_heart("age", strata="surgery"), _heart()),
        "differ in more than their terms: strata",
    ),
    "other event": (
        lambda: (bip.cox("age", made("heart").assign(late=made("heart")["event"]), event="late"), _heart()),
        "event",
    ),
    "other model": (
        lambda: (bip.logit("late ~ age", frame("veteran")), _heart()),
        "two models, 'Logit' and 'Cox",
    ),
    "other rows": (lambda: (bip.cox("age", made("heart").iloc[1:]), _heart()), "172 rows with 75 events"),
    "same numbers, other rows": (
        lambda: (
            bip.cox("age", made("heart").assign(stop=made("heart")["stop"] + made("heart")["age"].rank())),
            _heart(),
        ),
        "without covariates their log-likelihoods differ",
    ),
    "clustered": (
        lambda: (_heart("age"), _heart(vcov=bip.cluster("id"))),
        r'clustered by id .* Use larger\.wald\("year = 0"\)',
    ),
    "robust": (lambda: (_heart("age", vcov="robust"), _heart()), "robust"),
    "no fit": (lambda: (1, _heart()), "smaller must be a fit, not int"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_likelihood_ratio_is_refused(name):
    make, message = REFUSED[name]
    with pytest.raises(bip.ModelError, match=message):
        bip.lr_test(*make())


def test_levels_of_a_shared_term_must_be_the_same():
    data = made("veteran")
    small = bip.cox("celltype", data, start=None, stop="time", event="status")
    turned = data.assign(
        celltype=data["celltype"].cat.reorder_categories(["large", "squamous", "smallcell", "adeno"])
    )
    with pytest.raises(bip.ModelError, match="not nested: the larger lacks celltype"):
        bip.lr_test(small, bip.cox("celltype + karno", turned, start=None, stop="time", event="status"))


@pytest.mark.parametrize("vcov", ["robust", bip.cluster("client")])
def test_a_fit_knows_whether_its_errors_are_the_models_own(vcov):
    rows = spells(7)
    fit = bip.cox("x + z", rows)
    assert fit.estimates.by_information and not fit.with_vcov(vcov, rows).estimates.by_information
    assert bip.logit("event ~ z", rows).estimates.by_information
    assert not bip.logit("event ~ z", rows, vcov=vcov).estimates.by_information
