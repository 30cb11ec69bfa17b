"""What the tests of the binomial models share: R's numbers, its panel, and small frames with equal rows."""

import json
from functools import cache

import numpy as np
import pandas as pd
from numpy.testing import assert_allclose
from references import FOLDER

import bipstats as bip

FORMULA = "belief + age + sex"


@cache
def r_cases():
    cases = json.loads((FOLDER / "binomial.json").read_text())["cases"]
    return {case["name"]: case for case in cases}


def agrees_with(expected, fit, data, names=None):
    """Estimates, log-likelihood, and errors of four kinds."""
    names = list(fit.params.index) if names is None else names
    assert_allclose(fit.params[names], expected["coef"], rtol=1e-8, atol=1e-10)
    assert_allclose(fit.bse[names], expected["std_error"], rtol=1e-8)
    assert_allclose(fit.loglik, expected["loglik"], rtol=1e-10)
    assert fit.nobs == expected["rows"] and fit.glance()["df"][0] == expected["rank"]
    clustered = fit.with_vcov(bip.cluster("group"), data)
    assert_allclose(clustered.bse[names], expected["cluster"], rtol=1e-8)
    by_client = fit.with_vcov(bip.cluster("client"), data)
    assert_allclose(by_client.bse[names], expected["client"], rtol=1e-8)
    if "two_way" in expected:
        two_way = fit.with_vcov(bip.cluster("group", "team"), data)
        assert_allclose(two_way.bse[names], expected["two_way"], rtol=1e-8)
    corrected = fit.with_vcov(bip.cluster("group", small_sample="CR1S"), data)
    n, k, g = expected["rows"], expected["rank"], corrected.n_clusters
    factor = np.sqrt(g / (g - 1) * (n - 1) / (n - k))
    assert_allclose(corrected.bse[names] / clustered.bse[names], factor, rtol=1e-9)


def small(seed, n=110, copies=3):
    """Rows with many equal ones: in runs for odd seeds, apart for even ones."""
    draw = np.random.default_rng(seed)
    rows = pd.DataFrame({"client": draw.integers(0, 25, n), "period": draw.integers(0, 3, n)})
    rows["a"], rows["b"] = draw.integers(0, 3, n), draw.choice(["u", "v"], n)
    rows["cw"], rows["team"] = rows["client"] % 6, draw.integers(0, 4, n)
    rows["exposure"], rows["w"] = draw.choice([0.5, 1.0], n), draw.integers(1, 4, n) / 2
    eta = -1 + 0.4 * rows["a"] - 0.3 * (rows["b"] == "v")
    rows["y"] = (draw.random(n) < 1 / (1 + np.exp(-eta))).astype(int)
    rows = rows.iloc[draw.integers(0, n, copies * n)].reset_index(drop=True)
    return rows.sort_values([*rows.columns], ignore_index=True) if seed % 2 else rows


def same_fit(one, other, rtol=1e-9):
    assert_allclose(one.params, other.params, rtol=rtol, atol=1e-11)
    assert_allclose(one.bse, other.bse, rtol=rtol)
    assert_allclose(one.loglik, other.loglik, rtol=1e-11)
    assert (one.nobs, one.n_events, one.fit.n_units) == (other.nobs, other.n_events, other.fit.n_units)
