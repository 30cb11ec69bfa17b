"""Absorbed factors, spline baselines and collapsing to counts, against R's glm and sandwich and against themselves."""

import json
import pickle
from functools import cache

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from references import FOLDER, frame
from scipy.optimize import minimize

import bipstats as bip
from bipstats.models.binomial import fit_binomial
from bipstats.models.hazard_rows import HazardSpecification, natural_spline, prepare
from bipstats.models.kernels.absorb import (
    AbsorbedProblem,
    evaluate,
    incidence,
    log_likelihood,
    score_sums,
    varying_rows,
)
from bipstats.models.kernels.collapse import equal_rows

FORMULA = "belief + age + sex"


@cache
def r_cases():
    cases = json.loads((FOLDER / "binomial.json").read_text())["cases"]
    return {case["name"]: case for case in cases}


@pytest.fixture
def panel():
    return frame("caseload")


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


LOGITS = {
    "logit one": dict(absorb="group"),
    "logit two": dict(absorb=["group", "period"]),
    "logit three": dict(absorb=["period", "team", "group"]),
}


@pytest.mark.parametrize("name", LOGITS)
def test_absorbing_is_the_logit_with_all_dummies(panel, name):
    agrees_with(r_cases()[name], bip.logit(f"y ~ {FORMULA}", panel, **LOGITS[name]), panel)


def test_absorbing_with_weights(panel):
    fit = bip.logit(f"y ~ {FORMULA}", panel, absorb="group", weights="w")
    agrees_with(r_cases()["logit weights"], fit, panel)
    assert fit.n_events == panel["y"].sum()


@pytest.mark.parametrize("exposure", [None, "exposure"])
def test_absorbing_is_the_hazard_with_all_dummies(panel, exposure):
    expected = r_cases()["cloglog exposure" if exposure else "cloglog one"]
    fit = bip.hazard(FORMULA, panel, event="y", exposure=exposure, absorb="group")
    agrees_with(expected, fit, panel)
    assert_allclose(fit.with_vcov("robust", panel).bse, expected["client"], rtol=1e-8)


SPLINES = {
    "spline cloglog": dict(baseline=3),
    "spline logit": dict(baseline=2, link="logit"),
    "spline line": dict(baseline=1),
    "spline gaps": dict(baseline=3),
    "spline absorbed": dict(baseline=3, absorb="group"),
}


@pytest.mark.filterwarnings("ignore:two-way clustering")  # of the spline's terms, which are not compared
@pytest.mark.parametrize("name", SPLINES)
def test_spline_baselines_agree_with_ns(panel, name):
    expected, arguments = r_cases()[name], SPLINES[name]
    if name == "spline gaps":
        panel["y"] = panel["y"].where(~panel["period"].isin([1, 8]), 0)
    fit = bip.hazard(FORMULA, panel, event="y", **arguments)
    assert_allclose(fit.knots, expected["knots"], rtol=1e-12)
    agrees_with(expected, fit, panel, ["belief", "age", "sex[male]"])
    assert f"period spline[{arguments['baseline']}]" in fit.params
    if "absorb" not in arguments:
        assert_allclose(fit.baseline(), expected["baseline"], rtol=1e-8)


def test_exits_of_one_kind_with_delayed_entry_agree_with_r(panel):
    fit = bip.hazard(FORMULA, panel, event="exit == job")
    assert panel.groupby("client")["period"].min().max() > 1
    agrees_with(r_cases()["exit job"], fit, panel)


def test_statsmodels_agrees_on_absorbed_factors(panel):
    fit = bip.logit(f"y ~ {FORMULA}", panel, absorb=["group", "team"])
    used = panel[panel["group"] != 5]
    factors = [pd.get_dummies(used[name], drop_first=True, dtype=float) for name in ("group", "team")]
    exog = np.column_stack([np.ones(len(used)), used["belief"], used["age"], used["sex"] == "male", *factors])
    other = sm.GLM(used["y"], exog.astype(float), sm.families.Binomial()).fit(tol=1e-13)
    assert_allclose(fit.params, other.params[1:4], rtol=1e-7)
    assert_allclose(fit.bse, other.bse[1:4], rtol=1e-6)


@pytest.mark.parametrize("link", ["cloglog", "logit"])
def test_derivatives_with_an_eliminated_factor_agree_with_finite_differences(link):
    draw = np.random.default_rng(3)
    n, group = 90, np.arange(90) % 4
    factors = incidence(draw.integers(0, 3, n))[1:]
    trials = draw.integers(1, 4, n).astype(float)
    successes = np.minimum(draw.integers(0, 3, n), trials).astype(float)
    offset, x = draw.normal(size=n) / 5, draw.normal(size=(n, 2))
    problem = AbsorbedProblem(x, group, incidence(group), factors, successes, trials, offset, link)
    params, step = np.array([-1.0, -0.5, -0.7, 0.2, 0.3, -0.4, 0.1, 0.2]), 1e-5
    at, shifts = evaluate(params, problem, observed=True), step * np.eye(8)
    gradient = [
        (log_likelihood(params + s, problem) - log_likelihood(params - s, problem)) / (2 * step)
        for s in shifts
    ]
    assert_allclose(at.gradient, gradient, rtol=1e-7)
    curvature = [
        (evaluate(params - s, problem).gradient - evaluate(params + s, problem).gradient) / (2 * step)
        for s in shifts
    ]
    assert_allclose(np.linalg.inv(at.information), np.linalg.inv(curvature)[4:, 4:], rtol=1e-6)
    scores = score_sums(params, problem, np.arange(n) % 9).sum(axis=0)
    expected = evaluate(params, problem)
    projected = at.gradient[4:] - expected.cross.T @ (at.gradient[:4] / expected.diagonal)
    assert_allclose(scores, projected, atol=1e-10)


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


VCOVS = ["model", "robust", bip.cluster("cw"), bip.cluster("cw", "team", small_sample="CR1S")]
KINDS = {
    "period": (),
    "absorbed": ("period", ("cw",)),
    "two absorbed": ("period", ("cw", "team")),
    "spline": (2,),
}


@pytest.mark.filterwarnings("ignore:two-way clustering")
@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 10_000), vcov=st.sampled_from(VCOVS), link=st.sampled_from(["logit", "cloglog"]))
def test_collapsing_changes_nothing(kind, seed, vcov, link):
    rows = small(seed)
    exposure = "exposure" if link == "cloglog" else None
    spec = HazardSpecification("a + b", "y", "period", exposure, link, "raise", *KINDS[kind])
    ways = [prepare(spec, rows, vcov, None, collapse=collapse).rows for collapse in (True, False)]
    assert 2 * len(ways[0].data) < len(ways[1].data) <= len(rows)
    one, other = (fit_binomial(way, vcov) for way in ways)
    assert_allclose(one.estimates.values, other.estimates.values, rtol=1e-9, atol=1e-11)
    assert_allclose(one.estimates.covariance, other.estimates.covariance, rtol=1e-8, atol=1e-12)
    assert_allclose(one.best.at.loglik, other.best.at.loglik, rtol=1e-11)
    assert (ways[0].n_rows, ways[0].n_events) == (ways[1].n_rows, ways[1].n_events)


@pytest.mark.parametrize("vcov", [bip.cluster("cw"), bip.cluster("client")])
def test_logits_collapse_within_clusters_and_sum_weights(vcov):
    rows = small(3)
    fit = bip.logit("y ~ a + b", rows, weights="w", vcov=vcov)
    apart = rows.assign(a=rows["a"] + 1e-13 * np.arange(len(rows)))  # no two rows are equal
    assert "after collapsing" in str(fit) and "after collapsing" not in str(
        bip.logit("y ~ a + b", apart, vcov=vcov)
    )
    same_fit(fit, bip.logit("y ~ a + b", apart, weights="w", vcov=vcov), rtol=1e-7)
    same_fit(
        bip.logit("y ~ a", rows, weights="w", vcov=vcov),
        bip.logit("y ~ a", rows.sort_values("w"), weights="w", vcov=vcov),
    )


def test_robust_logits_are_by_row_whatever_rows_are_equal():
    rows = small(5)
    fit = bip.logit("y ~ a + b", rows, vcov="robust")
    same_fit(fit, bip.logit("y ~ a + b", rows.assign(row=np.arange(len(rows))), vcov=bip.cluster("row")))


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_the_order_of_rows_does_not_matter(seed):
    rows = small(seed)
    for arguments in (dict(), dict(absorb=["cw", "team"]), dict(baseline=2)):
        fits = [
            bip.hazard("a + b", data, event="y", vcov="robust", **arguments)
            for data in (rows, rows.sample(frac=1, random_state=seed))
        ]
        same_fit(*fits)


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_a_weight_is_as_many_copies(seed):
    rows = small(seed).assign(w=lambda d: (2 * d["w"]).astype(int))
    weighted = bip.logit("y ~ a + b", rows, weights="w", vcov=bip.cluster("cw"))
    copies = bip.logit("y ~ a + b", rows.loc[rows.index.repeat(rows["w"])], vcov=bip.cluster("cw"))
    assert_allclose(weighted.params, copies.params, rtol=1e-9, atol=1e-11)
    assert_allclose(weighted.bse, copies.bse, rtol=1e-9)


@pytest.mark.parametrize("link", ["cloglog", "logit"])
def test_an_absorbed_factor_is_its_dummies(link):
    rows = small(11)
    arguments = dict(event="y", link=link, vcov=bip.cluster("client"))
    dummies = bip.hazard("a + b + C(cw)", rows, **arguments)
    absorbed = bip.hazard("a + b", rows, absorb="cw", **arguments)
    shown = absorbed.params.index
    assert list(shown) == ["period[1]", "period[2]", "a", "b[v]"]
    assert_allclose(absorbed.params, dummies.params[shown], rtol=1e-9)
    assert_allclose(absorbed.cov, dummies.cov.loc[shown, shown], rtol=1e-8)
    assert_allclose(absorbed.glance()[["df", "aic"]], dummies.glance()[["df", "aic"]], rtol=1e-10)
    assert "absorbed        cw (6 levels), 6 effects" in str(absorbed)
    assert "fixed effects of cw" in absorbed.methods_text()


def test_full_periods_are_the_grouped_proportional_hazards_model():
    """P(T = t) = S(t - 1) - S(t) with S(t) = exp(-sum of exp(gamma_s + x b)), written by hand."""
    draw = np.random.default_rng(4)
    last, x = draw.integers(0, 3, 60), draw.integers(0, 2, 60)
    died = draw.random(60) < 0.6
    rows = pd.DataFrame({"x": x, "last": last, "died": died}).loc[np.repeat(np.arange(60), last + 1)]
    rows["period"] = rows.groupby(level=0).cumcount()
    rows["event"] = (rows["died"] & (rows["period"] == rows["last"])).astype(int)

    def minus_loglik(params):
        hazard = np.exp(params[:3] + np.outer(x, [params[3]]))
        survival = np.exp(-np.cumsum(np.column_stack([np.zeros(60), hazard]), axis=1))
        before, after = survival[np.arange(60), last], survival[np.arange(60), last + 1]
        return -np.log(np.where(died, before - after, after)).sum()

    fit = bip.hazard("x", rows)
    by_hand = minimize(minus_loglik, np.r_[np.full(3, -1.0), 0.0], tol=1e-12)
    assert_allclose(fit.loglik, -by_hand.fun, rtol=1e-10)
    assert_allclose([*fit.baseline(), fit.params["x"]], by_hand.x, atol=1e-5)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_equal_rows_are_found_whatever_their_order(seed):
    draw = np.random.default_rng(seed)
    n = int(draw.integers(1, 400))
    columns = [draw.integers(0, 3, n).astype(float), draw.integers(0, 2, n), draw.choice([0.0, -0.0, 7.5], n)]
    table = pd.DataFrame(dict(enumerate(columns)))
    same = equal_rows(columns)
    values = draw.normal(size=n)
    assert same.counts.sum() == n
    assert_allclose(same.sums(values).sum(), values.sum(), atol=1e-10)
    firsts = table.iloc[same.first]
    groups = table.groupby([0, 1, 2])
    if 2 * groups.ngroups <= n:
        assert len(firsts) <= n / 2
    assert not (same.order is not None and firsts.duplicated().any())
    lost = equal_rows([np.array([1.0, np.nan, np.nan, 1.0, 1.0])])
    assert sorted(lost.counts) == [1, 1, 3]


def test_levels_without_variation_go_until_none_is_left():
    """Level 0 of the first never has the event; without it level 0 of the second has nothing but the event."""
    first = np.array([0, 0, 1, 1, 1, 1, 1, 2, 2, 2])
    second = np.array([0, 1, 0, 1, 1, 2, 2, 1, 2, 2])
    event = np.array([0, 0, 1, 0, 1, 0, 1, 1, 0, 1], bool)
    found = varying_rows([first, second], [True, True], event, np.full(10, 3))
    assert found.kept.tolist() == [False, False, False, *[True] * 7] and found.dropped == (6, 3)


def test_rows_of_such_levels_are_counted_and_left_out(panel):
    fit = bip.logit(f"y ~ {FORMULA}", panel, absorb=["group", "period"])
    assert ("in levels of group with one outcome only", int((panel["group"] == 5).sum())) in fit.fit.flow
    assert "group (19 levels), period (8 levels), 26 effects" in str(fit)
    rest = bip.logit(f"y ~ {FORMULA}", panel[panel["group"] != 5], absorb=["group", "period"])
    assert_allclose(fit.params, rest.params, rtol=1e-12)


def test_factors_in_sets_that_share_no_level_leave_the_slopes_alone(panel):
    """Two halves with groups and teams of their own: one more effect is implied by the others."""
    half = panel["group"] > 10
    apart = panel.assign(team=panel["team"] + 10 * half)
    fit = bip.logit(f"y ~ {FORMULA}", apart, absorb=["group", "team"])
    dummies = bip.logit(
        f"y ~ {FORMULA} + C(group) + C(part)",
        apart[apart["group"] != 5].assign(part=apart["team"].where(~apart["team"].isin([1, 11]), 1)),
        vcov="model",
    )
    assert_allclose(fit.params, dummies.params[fit.params.index], rtol=1e-8)
    assert_allclose(fit.bse, dummies.bse[fit.params.index], rtol=1e-8)
    assert fit.glance()["df"][0] == dummies.glance()["df"][0]


def test_as_many_degrees_of_freedom_as_periods_are_one_effect_each(panel):
    """The saturated spline: coefficients, predictions, and risks with their errors by the delta method."""
    panel = panel.assign(period=panel["period"] - 1)
    fits = [bip.hazard(FORMULA, panel, event="y", baseline=kind) for kind in ("period", 7)]
    assert_allclose(fits[1].params, fits[0].params, rtol=1e-8)
    new = panel.head(6)
    for kind in ("hazard", "survival"):
        assert_allclose(fits[1].predict(new, kind), fits[0].predict(new, kind), rtol=1e-9)
    risks = []
    for kind in ("period", 7):
        causes = {"job": bip.hazard(FORMULA, panel, event="exit == job", baseline=kind)}
        risks.append(bip.risk(causes, new, horizon=7, width=1, at={"belief": "+1"}).table)
    assert_allclose(risks[1].iloc[:, 2:], risks[0].iloc[:, 2:], rtol=1e-6)


def test_periods_without_events_stay_with_a_spline(panel):
    gaps = panel.assign(y=panel["y"].where(panel["period"] != 4, 0))
    fit = bip.hazard(FORMULA, gaps, event="y", baseline=3)
    assert fit.nobs == len(gaps) and fit.eventless == (4,) and np.isfinite(fit.baseline()).all()
    assert "natural cubic spline of period, knots 1, " in str(fit)
    assert "natural cubic spline of the period with 3 degrees of freedom" in fit.methods_text()


def test_natural_splines_are_one_at_their_knot_and_linear_beyond():
    knots = (0.0, 1.0, 2.5, 4.0)
    assert_allclose(natural_spline(np.array(knots), knots), np.eye(4)[:, 1:], atol=1e-14)
    beyond = natural_spline(np.array([4.0, 5.0, 6.0, -1.0, -2.0, 0.0]), knots)
    assert_allclose(beyond[2] - beyond[1], beyond[1] - beyond[0], atol=1e-13)
    assert_allclose(beyond[4] - beyond[3], beyond[3] - beyond[5], atol=1e-13)


REFUSED = {
    "constant in the groups": (
        lambda d: bip.logit("y ~ belief + z", d.assign(z=d["group"] % 3), absorb="group"),
        "no variation beyond the effects of group in z among",
    ),
    "sum of effects": (
        lambda d: bip.logit("y ~ age + z", d.assign(z=d["group"] % 3 + d["team"]), absorb=["group", "team"]),
        "no variation beyond the effects of group and team in z",
    ),
    "collinear beyond": (
        lambda d: bip.logit("y ~ belief + z", d.assign(z=d["group"] % 3 - d["belief"]), absorb="group"),
        "is a linear combination of",
    ),
    "periods in sets": (
        lambda d: bip.hazard("belief", d.assign(side=d["period"] > 4), event="y", absorb="side"),
        r"period\[8\] cannot be told from the effects of side",
    ),
    "no level varies": (
        lambda d: bip.logit("y ~ belief", d.assign(row=np.arange(len(d))), absorb="row"),
        "varies within no level of row",
    ),
    "the period": (
        lambda d: bip.hazard("belief", d, event="y", absorb="period"),
        "have their effects already",
    ),
    "twice": (lambda d: bip.logit("y ~ belief", d, absorb=["group", "group"]), "different columns"),
    "no name": (lambda d: bip.logit("y ~ belief", d, absorb=[3]), "list of different columns"),
    "not there": (lambda d: bip.logit("y ~ belief", d, absorb="gruop"), "did you mean 'group'"),
    "missing": (
        lambda d: bip.logit("y ~ belief", d.assign(group=d["group"].where(d["period"] < 8)), absorb="group"),
        r"\d+ of 800 rows have missing values: group \(\d+\)",
    ),
    "baseline zero": (lambda d: bip.hazard("belief", d, event="y", baseline=0), "baseline=0 is not known"),
    "baseline true": (lambda d: bip.hazard("belief", d, event="y", baseline=True), "baseline=True is not"),
    "too smooth": (lambda d: bip.hazard("belief", d, event="y", baseline=8), "use 7 or fewer"),
    "labels": (
        lambda d: bip.hazard(
            "belief", d.assign(period=pd.Categorical("q" + d["period"].astype(str))), event="y", baseline=2
        ),
        "needs periods that are numbers",
    ),
    "a probability": (
        lambda d: bip.logit("y ~ belief", d, absorb="group").predict(d),
        r"Put C\(group\) into the formula",
    ),
    "a baseline": (
        lambda d: bip.hazard("belief", d, event="y", absorb="group").predict(d, "survival"),
        "effects of group, which were absorbed",
    ),
    "other data": (
        lambda d: bip.logit("y ~ belief + age", d, absorb="group").with_vcov(
            "robust", d.assign(age=d["age"] * 2)
        ),
        "not the data of the fit",
    ),
    "separated": (
        lambda d: bip.logit("y ~ z + age", d.assign(z=d["y"] + d["group"]), absorb="group"),
        "no (finite )?maximum",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_done_is_refused(panel, name):
    call, message = REFUSED[name]
    with pytest.raises(bip.BipstatsError, match=message):
        call(panel)


def test_refusals_count_the_rows_of_the_data(panel):
    """Equal rows are counted as often as they are there."""
    for column, values, message in (
        ("belief", panel["belief"].where(panel["period"] != 3), "149 of 800 rows have missing values"),
        ("exposure", panel["exposure"].where(panel["period"] != 3, 1.5), "149 rows do not"),
        ("belief", panel["belief"].astype(float).where(panel["period"] != 3, np.inf), "149 infinite values"),
        ("y", panel["y"].where(panel["period"] != 3, 2), "149 rows hold others"),
    ):
        with pytest.raises(bip.ModelError, match=message):
            bip.hazard(FORMULA, panel.assign(**{column: values}), event="y", exposure="exposure")


def test_missing_rows_are_dropped_and_counted_before_collapsing(panel):
    holes = panel.assign(
        belief=panel["belief"].where(panel["period"] != 3), w=panel["w"].where(panel["age"] > 30)
    )
    complete = holes.dropna(subset=["belief", "w"])
    fit = bip.logit(f"y ~ {FORMULA}", holes, weights="w", missing="drop", vcov=bip.cluster("group"))
    same_fit(fit, bip.logit(f"y ~ {FORMULA}", complete, weights="w", vcov=bip.cluster("group")))
    assert ("with missing values", len(panel) - len(complete)) in fit.fit.flow


def test_labels_of_any_kind_collapse_alike(panel):
    plain = bip.hazard(FORMULA, panel, event="exit == job", vcov=bip.cluster("group"))
    kinds = panel.assign(
        sex=panel["sex"].astype("category"),
        exit=pd.Categorical(panel["exit"]),
        group=panel["group"].astype("Int64"),
        belief=panel["belief"].astype(object),
        age=panel["age"].astype("float32"),
    )
    same_fit(plain, bip.hazard(FORMULA, kinds, event="exit == job", vcov=bip.cluster("group")))
    assert "after collapsing" in str(plain)


def test_results_with_absorbed_effects_do_not_grow(panel):
    data = panel.assign(client=np.arange(len(panel)))
    once, ten = (
        len(pickle.dumps(bip.logit(f"y ~ {FORMULA}", pd.concat([data] * k), absorb="group"))) for k in (1, 10)
    )
    assert abs(ten - once) < 200
