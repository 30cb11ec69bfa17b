"""Equal rows as counts: the same estimates, errors and refusals as row by row."""

import numpy as np
import pandas as pd
import pytest
from counts import FORMULA, same_fit, small
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from references import frame

import bipstats as bip
from bipstats.models.binomial import fit_binomial
from bipstats.models.hazard_rows import HazardSpecification, prepare
from bipstats.models.kernels.collapse import equal_rows


@pytest.fixture
def panel():
    return frame("caseload")


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
