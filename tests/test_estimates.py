"""Everything read from names, values and covariance: intervals, ratios, tests in words, tables."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import bipstats as bip
from bipstats.core.covariance import covariance
from bipstats.core.estimates import Estimates
from bipstats.errors import ModelError, OptionError
from bipstats.tables import Summary

COV = np.array([[0.04, 0.01, 0.0], [0.01, 0.09, 0.02], [0.0, 0.02, 0.16]])
FIT = Estimates(("a", "sex[male]", "a:b"), np.array([0.5, -0.2, 1.0]), COV, "by hand")


def test_tidy_by_hand():
    row = FIT.tidy(level=0.9).iloc[0]
    assert list(FIT.tidy().columns) == [
        "term",
        "estimate",
        "std_error",
        "statistic",
        "p_value",
        "conf_low",
        "conf_high",
    ]
    assert_allclose(row[["estimate", "std_error", "statistic"]].astype(float), [0.5, 0.2, 2.5])
    assert_allclose(row["p_value"], 0.0124193, rtol=1e-5)  # 2 (1 - Phi(2.5)), from tables of the normal
    assert_allclose(
        [row["conf_low"], row["conf_high"]], [0.5 - 1.6448536 * 0.2, 0.5 + 1.6448536 * 0.2], rtol=1e-7
    )


def test_ratios_keep_the_test_and_exponentiate_the_interval():
    plain, ratio = FIT.tidy(), FIT.tidy(exponentiate=True)
    assert_allclose(
        ratio[["estimate", "conf_low", "conf_high"]], np.exp(plain[["estimate", "conf_low", "conf_high"]])
    )
    assert_allclose(ratio["std_error"], np.exp(plain["estimate"]) * plain["std_error"])
    assert_allclose(ratio["p_value"], plain["p_value"])


def test_level_must_be_a_level():
    with pytest.raises(OptionError, match="level=95"):
        FIT.tidy(level=95)


@pytest.mark.parametrize(
    ("words", "row", "right"),
    [
        ("a = 0", [[1, 0, 0]], [0]),
        ("a = sex[male]", [[1, -1, 0]], [0]),
        ("2*a - sex[male] = 1", [[2, -1, 0]], [1]),
        ("a:b = 0.25 + a", [[-1, 0, 1]], [0.25]),
        (".5*a = -.25", [[0.5, 0, 0]], [-0.25]),
        ("a = 0, a:b = 1e-1", [[1, 0, 0], [0, 0, 1]], [0, 0.1]),
    ],
)
def test_wald_hypotheses_in_words(words, row, right):
    gap = np.array(row) @ FIT.values - right
    expected = gap @ np.linalg.inv(np.array(row) @ COV @ np.array(row).T) @ gap
    test = FIT.wald(words)
    assert_allclose(test.statistic, expected, rtol=1e-12)
    assert test.df == len(row) and 0 < test.p_value < 1


def test_one_restriction_is_the_square_of_z():
    assert_allclose(FIT.wald("a = 0").p_value, FIT.tidy()["p_value"][0], rtol=1e-10)


@pytest.mark.parametrize("words", ["b = 0", "a", "a = a = 1", "a * 2 = 1", "1 = 1", "a = 0, a = 1", "2a = 1"])
def test_hypotheses_that_make_no_sense_are_refused(words):
    with pytest.raises(ModelError):
        FIT.wald(words)


def test_two_way_clusters_equal_one_way_when_both_are_the_same():
    draw = np.random.default_rng(2)
    scores, codes = draw.normal(size=(50, 2)), {"g": draw.integers(0, 9, 50)}
    codes["h"] = codes["g"].copy()

    def score_sums(group):
        return np.array([scores[group == g].sum(axis=0) for g in range(group.max() + 1)])

    arguments = dict(information=np.eye(2) * 4, score_sums=score_sums, codes=codes.get, unit=None, n_rows=50)
    one = covariance(bip.cluster("g"), **arguments).matrix
    assert_allclose(covariance(bip.cluster("g", "h"), **arguments).matrix, one)
    by_hand = sum(np.outer(u, u) for u in score_sums(codes["g"])) / 16
    assert_allclose(one, by_hand)
    own = covariance(bip.cluster("row"), **(arguments | dict(codes=lambda _: np.arange(50))))
    assert_allclose(own.matrix, covariance("robust", **arguments).matrix)


def test_a_negative_variance_of_two_ways_warns_and_names_the_term():
    """Scores of x sum to zero by g and by h but not in the cells: V1 + V2 - V12 is negative."""
    cells = [
        (g, h, x, int(k < 4) if (x > 0) == (g == h) else int(k < 1))
        for g in (0, 1) for h in (0, 1) for x in (-1, 1) for k in range(5)
    ]  # fmt: skip
    rows = pd.DataFrame(cells, columns=["g", "h", "x", "y"])
    with pytest.warns(bip.ModelWarning, match=r"negative variance for .*x"):
        fit = bip.logit("y ~ x", rows, vcov=bip.cluster("g", "h"))
    assert np.isnan(fit.bse["x"])


def test_cluster_takes_one_or_two_columns():
    for columns in ((), ("a", "b", "c"), ("a", "a")):
        with pytest.raises(OptionError):
            bip.cluster(*columns)
    with pytest.raises(OptionError, match="small_sample='HC3'"):
        bip.cluster("a", small_sample="HC3")


def test_summary_as_text_html_and_latex():
    table = Summary(
        "Title & co",
        pd.DataFrame({"term": ["a_1", "<b>"], "n": [12000, 3], "x": [0.123456, np.nan]}),
        {"rows": "5"},
        ("50% off",),
    )
    assert (
        str(table) == "Title & co\nrows  5\nterm       n       x\na_1   12,000  0.1235\n<b>        3\n50% off"
    )
    assert "&lt;b&gt;" in table.as_html() and "Title &amp; co" in table.as_html()
    latex = table.as_latex()
    assert r"a\_1 & 12,000 & 0.1235 \\" in latex and r"50\% off" in latex and r"\toprule" in latex


def test_plot_draws_every_term_on_the_axes_it_is_given():
    rows = pd.DataFrame(
        {"y": [0, 1, 0, 1, 1, 0, 1, 0], "x": [1, 2, 3, 4, 5, 6, 7, 3], "z": [1, 0, 0, 1, 0, 1, 1, 1]}
    )
    fit = bip.logit("y ~ x + z", rows)
    axes = fit.plot()
    assert [label.get_text() for label in axes.get_yticklabels()] == ["x", "z"]
    assert fit.plot(ax=axes) is axes


def test_what_every_result_gives_agrees_with_its_tidy_table():
    rows = pd.DataFrame(
        {"y": [0, 1, 0, 1, 1, 0, 1, 0], "x": [1, 2, 3, 4, 5, 6, 7, 3], "g": [1, 1, 2, 2, 3, 3, 4, 4]}
    )
    fit = bip.logit("y ~ x", rows, vcov=bip.cluster("g"))
    tidy = fit.tidy(level=0.9).set_index("term")
    assert_allclose(fit.conf_int(level=0.9), tidy[["conf_low", "conf_high"]])
    assert_allclose(fit.pvalues, tidy["p_value"])
    assert_allclose(fit.bse, np.sqrt(np.diag(fit.cov)))
    row = fit.glance().iloc[0]
    assert (row["nobs"], row["n_events"], row["n_clusters"], row["df"]) == (8, 4, 4, 2)
    assert_allclose(row["aic"], 4 - 2 * fit.loglik)
    assert (
        "logit of y on 8 rows with 4 events" in fit.methods_text()
        and "clustered by g (4" in fit.methods_text()
    )
    periods = rows.assign(period=0, stop=[4, 3, 1, 1, 2, 2, 3, 5], event=rows["y"])
    assert "cloglog link" in bip.hazard("x", periods).methods_text()
    assert "Efron handling of ties" in bip.cox("x", periods, start=None).methods_text()
