"""What must not matter to any model, and what must: one family of properties over the fits of tests/fits.py.

Each property holds for every model whose arguments have what it speaks of, so that a model is tested the day it gets
its line in the table.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import fits
import numpy as np
import pandas as pd
import pytest
from fits import FITS, Case
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

import bipstats as bip
from bipstats.core.result import Result


def family(applies: Callable[[Case], bool]) -> Callable[[Any], Any]:
    """Test a property of every case to which it applies and that is not exempt, on a few random data sets."""

    def decorate(test: Any) -> Any:
        names = [name for name, case in FITS.items() if applies(case) and test.__name__ not in case.exempt]
        assert names
        seeded = settings(max_examples=3, deadline=None)(given(seed=st.integers(0, 2**32 - 1))(test))
        return pytest.mark.parametrize("name", names)(seeded)

    return decorate


def drawn(seed: int) -> pd.DataFrame:
    return fits.rows(clients=70, seed=seed)


def fitted(case: Case, data: pd.DataFrame, **changed: Any) -> Result:
    """A fit; other data where these cannot be fitted (one level without events, and the like)."""
    try:
        return case(data, **changed)
    except bip.ModelError:
        assume(False)
        raise


def same(case: Case, first: Result, other: Result, factor: Any = 1.0, variance: float = 1.0) -> None:
    """The other's estimates are the first's times a factor, and so its errors; its variance may be another."""
    names = [name for name in first.params.index if name in other.params.index]
    assert len(names) >= len(first.design.names)
    factor = np.ones(len(names)) * factor
    error = first.bse[names]
    assert_allclose(
        other.params[names], factor * first.params[names], rtol=case.rtol, atol=case.rtol * error.min()
    )
    assert_allclose(other.bse[names], factor * np.sqrt(variance) * error, rtol=case.rtol)


def own_or_clusters(case: Case, column: str) -> dict[str, Any]:
    """Errors by clusters, where the model takes them."""
    return {} if case.options.get("penalty") else {"vcov": bip.cluster(column)}


@family(lambda case: True)
def test_the_order_of_rows_does_not_matter(name, seed):
    case, data = FITS[name], drawn(seed)
    first, other = fitted(case, data), case(data.sample(frac=1, random_state=seed % 1000))
    same(case, first, other)
    assert_allclose(other.loglik, first.loglik, rtol=1e-10)
    assert str(other.summary()).splitlines()[1:3] == str(first.summary()).splitlines()[1:3]  # rows, used


@family(lambda case: True)
def test_what_persons_and_caseworkers_are_called_does_not_matter(name, seed):
    case, data = FITS[name], drawn(seed)
    number = np.random.default_rng(seed).permutation(len(data))
    renamed = data.assign(
        client=number[pd.factorize(data["client"])[0]],
        worker=[f"Ø {k}" for k in number[data["worker"].str[-4:].astype(int)]],
    ).set_index(number % 7)
    same(case, fitted(case, data), case(renamed))


@family(lambda case: True)
def test_the_unit_of_a_covariate_does_not_matter(name, seed):
    """Times a number, the coefficient is divided by it; in a product of two, twice."""
    case, data = FITS[name], drawn(seed)
    size = 10.0 ** np.random.default_rng(seed).integers(-6, 7)
    first, other = fitted(case, data), case(data.assign(x=data["x"] * size, u=data["u"] * size))
    power = [sum(part in ("x", "u") for part in str(term).split(":")) for term in first.params.index]
    same(case, first, other, factor=size ** -np.array(power, float))
    assert_allclose(other.loglik, first.loglik, rtol=1e-10)


@family(lambda case: case.timed or "period" in case.arguments)
def test_the_origin_of_time_does_not_matter(name, seed):
    case, data = FITS[name], drawn(seed)
    later = data.assign(**{column: data[column] + 170 for column in ("start", "stop", "period")})
    first, other = fitted(case, data), case(later)
    same(case, first, other)
    assert_allclose(
        other.params, first.params, rtol=case.rtol, atol=1e-9
    )  # those of periods have other names


@family(lambda case: case.timed or case.options.get("exposure") is not None)
def test_a_spell_may_be_split_in_two(name, seed):
    """At any time; a period without the event in part-periods of the same exposure together.

    The expected information of a period depends on how it is split, so that there the errors are not the same.
    """
    case, data = FITS[name], drawn(seed)
    share = np.random.default_rng(seed).uniform(0.1, 0.9, len(data))
    cut = data["start"] + share * (data["stop"] - data["start"])
    before = data.assign(stop=cut, event=0, exit="censored", exposure=share * data["exposure"])
    after = data.assign(start=cut, exposure=(1 - share) * data["exposure"])
    if not case.timed:
        whole = data["event"] == 1
        before, after = (
            before[~whole],
            after.assign(exposure=after["exposure"].where(~whole, data["exposure"])),
        )
    first = fitted(case, data)
    other = case(pd.concat([after, before], ignore_index=True))
    if case.timed:
        same(case, first, other)
    assert_allclose(other.params, first.params, rtol=case.rtol, atol=1e-9)
    assert_allclose(other.loglik, first.loglik, rtol=1e-10)
    assert other.n_events == first.n_events and other.fit.n_units == first.fit.n_units


@family(lambda case: "weights" in case.arguments)
def test_a_weight_is_as_many_copies(name, seed):
    """With Breslow's ties, where there are ties; the copies of a client are one cluster."""
    case, data = FITS[name], drawn(seed)
    ties = {"ties": "breslow"} if "ties" in case.arguments else {}
    weighted = fitted(case, data, weights="w", **ties, **own_or_clusters(case, "client"))
    again = data[data["w"] == 2].assign(client=lambda rows: rows["client"] + " again")
    copies = pd.concat([data, again], ignore_index=True).assign(first=lambda rows: rows["client"].str[:12])
    same(case, weighted, case(copies, weights=None, **ties, **own_or_clusters(case, "first")))


@family(lambda case: "weights" in case.arguments)
def test_doubled_weights_keep_estimates_and_sandwich_and_halve_the_models_variance(name, seed):
    """Efron's ties too. Weights of least squares are relative: there the model's variance stays."""
    case, data = FITS[name], drawn(seed)
    twice = data.assign(w=2 * data["w"])
    clusters = dict(weights="w", vcov=bip.cluster("worker"))
    same(case, fitted(case, data, **clusters), case(twice, **clusters))
    if "model" in fits.requests(case):
        model = dict(weights="w", vcov="model")
        halved = 1.0 if case.result.link == "identity" else 0.5
        same(case, case(data, **model), case(twice, **model), variance=halved)


@family(lambda case: {"strata", "absorb"} & case.arguments)
def test_one_stratum_is_none(name, seed):
    """Nor is one level of an absorbed column an effect."""
    case, data = FITS[name], drawn(seed).assign(one="all")
    [argument] = {"strata", "absorb"} & case.arguments
    same(case, fitted(case, data, **{argument: None}), case(data, **{argument: "one"}))


@family(lambda case: "robust" in fits.requests(case))
def test_one_cluster_per_unit_is_robust(name, seed):
    case, data = FITS[name], drawn(seed)
    robust, clusters = fitted(case, data, vcov="robust"), case(data, vcov=bip.cluster(case.unit))
    same(case, robust, clusters)
    assert_allclose(clusters.cov, robust.cov, rtol=1e-8, atol=1e-14)
    assert f"one unit per {case.unit}" in robust.estimates.how


@given(st.integers(1, 40), st.integers(1, 40), st.sampled_from(["efron", "breslow"]))
@settings(max_examples=15, deadline=None)
def test_cox_at_two_points_has_a_closed_form(n_exposed, n_other, ties):
    """Pairs in which one dies first, a times the exposed and b times the other: log(a / b), variance 1/a + 1/b."""
    pair = np.arange(n_exposed + n_other)
    exposed_first = pair < n_exposed
    rows = pd.DataFrame(
        {
            "pair": np.tile(pair, 2),
            "x": np.repeat([1, 0], len(pair)),
            "stop": np.r_[np.where(exposed_first, 1, 2), np.where(exposed_first, 2, 1)],
            "event": np.r_[exposed_first, ~exposed_first].astype(int),
        }
    )
    fit = bip.cox("x", rows, start=None, strata="pair", ties=ties)
    assert_allclose(fit.params["x"], np.log(n_exposed / n_other), rtol=1e-9, atol=1e-12)
    assert_allclose(fit.bse["x"], np.sqrt(1 / n_exposed + 1 / n_other), rtol=1e-9)
    assert_allclose(fit.fit.loglik_null, -len(pair) * np.log(2), rtol=1e-12)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=8, deadline=None)
def test_full_periods_are_grouped_proportional_hazards(seed):
    """S(t | x) = S0(t)^exp(xb): the likelihood of last periods by hand is the fit's, and flat at its estimates."""
    draw = np.random.default_rng(seed)
    n = 90
    last, x, died = draw.integers(0, 3, n), draw.normal(size=n), draw.random(n) < 0.6
    assume(all((died & (last == period)).any() for period in range(3)))
    rows = pd.DataFrame({"x": x, "last": last, "died": died}).loc[np.repeat(np.arange(n), last + 1)]
    rows["period"] = rows.groupby(level=0).cumcount()
    rows["event"] = (rows["died"] & (rows["period"] == rows["last"])).astype(int)
    fit = bip.hazard("x", rows)

    def loglik(params: np.ndarray) -> Any:
        cumulative = np.cumsum(np.r_[0, np.exp(params[:3])]) * np.exp(params[3] * x)[:, None]
        survival = np.exp(-cumulative)
        before, after = survival[np.arange(n), last], survival[np.arange(n), last + 1]
        return np.log(np.where(died, before - after, after)).sum()

    at = np.r_[fit.baseline(), fit.params["x"]]
    assert_allclose(fit.loglik, loglik(at), rtol=1e-12)
    slope = [loglik(at + 1e-20j * one).imag / 1e-20 for one in np.eye(4)]
    assert_allclose(slope, 0, atol=1e-7)
