"""Fits side by side: the numbers of each fit, every format, and stars that follow the p-values."""

import re

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from references import frame
from test_margins import line

import bipstats as bip
from bipstats.tables import Summary


def fits():
    cgd = frame("cgd")
    short = bip.cox(
        "age + treat", cgd, start="tstart", stop="tstop", event="status", vcov=bip.cluster("center")
    )
    return {
        "Cox": short,
        "Cox, model": short.with_vcov("model", cgd),
        "Logit": bip.logit("status ~ age + treat + height", cgd),
    }


def test_numbers_are_the_fits_own():
    found = bip.compare_fits(fits(), level=0.9, exponentiate=True)
    for name, fit in fits().items():
        numbers = found.tidy()
        own = numbers[numbers["fit"] == name].drop(columns="fit").reset_index(drop=True)
        pd.testing.assert_frame_equal(own, fit.tidy(0.9, exponentiate=True))
    about = found.about.set_index("fit")
    assert about.loc["Cox", "n_clusters"] == fits()["Cox"].n_clusters
    assert_allclose(about["loglik"], [fit.loglik for fit in fits().values()])


def test_terms_by_fits_with_gaps():
    table = bip.compare_fits(fits()).table
    assert table.columns.tolist() == ["term", "Cox", "Cox, model", "Logit"]
    assert table["term"].tolist() == ["age", "treat[treated]", "Intercept", "height"]
    cells = table.set_index("term")
    assert cells.loc["height", "Cox"] == ""
    row = fits()["Cox"].tidy().set_index("term").loc["age"]
    assert cells.loc["age", "Cox"] == f"{row['estimate']:.4g} ({row['std_error']:.4g})"
    estimates = cells.loc["age", ["Cox", "Cox, model"]].str.split(" ").str[0]
    assert estimates.nunique() == 1  # the same fit, another covariance


def test_what_stands_in_brackets():
    intervals = bip.compare_fits(fits(), statistic="conf_int", level=0.9)
    row = fits()["Logit"].tidy(0.9).set_index("term").loc["height"]
    shown = intervals.table.set_index("term").loc["height", "Logit"]
    assert shown.endswith(f"({row['conf_low']:.4g}, {row['conf_high']:.4g})")
    assert "90% confidence intervals" in str(intervals.summary())
    by_p = bip.compare_fits(fits(), statistic="p_value").table.set_index("term").loc["treat[treated]", "Cox"]
    assert by_p.endswith("(<0.001)")


def test_stars_follow_the_p_values_of_the_table():
    found = bip.compare_fits(fits(), stars=True)
    for name in fits():
        own = found.tidy().loc[found.tidy()["fit"] == name].set_index("term")
        shown = found.table.set_index("term")[name]
        for term, p in own["p_value"].items():
            assert shown[term].count("*") == (p < 0.05) + (p < 0.01) + (p < 0.001)
    assert "*" not in "".join(bip.compare_fits(fits()).table["Cox"])
    assert "* p < 0.05" in str(found.summary())


def test_covariances_and_counts_are_named():
    text = str(bip.compare_fits(fits()).summary())
    clusters = fits()["Cox"].n_clusters
    assert f"Covariance of Cox: clustered by center ({clusters} clusters)" in text
    assert "Covariance of Cox, model; Logit: from the model's information." in text
    lines = {line.split("  ")[0].strip(): line for line in text.splitlines()}
    assert "203" in lines["rows"]
    assert str(fits()["Cox"].n_events) in lines["events"]
    assert re.search(rf"\b{clusters}\b", lines["clusters"])
    assert f"{fits()['Logit'].loglik:,.2f}" in lines["log-likelihood"]
    assert "hazard ratios" in str(bip.compare_fits(fits(), exponentiate=True).summary())


def test_clusters_are_left_out_where_no_fit_has_any():
    text = str(bip.compare_fits({"A": fits()["Logit"]}).summary())
    assert "clusters" not in text


def test_every_format_has_every_cell():
    found = bip.compare_fits(fits(), stars=True)
    cells = [cell for column in found.table for cell in found.table[column] if cell]
    text, html, latex, markdown = str(found.summary()), found.as_html(), found.as_latex(), found.as_markdown()
    for cell in cells:
        assert cell in text
        assert cell in html
        assert cell.replace("_", r"\_") in latex
        assert re.sub(r"([*\[\]])", r"\\\1", cell) in markdown
    assert html.count("<tbody>") == 2
    assert latex.count(r"\midrule") == 2
    rows = [line for line in markdown.splitlines() if line.startswith("|")]
    assert len({row.count("|") - row.count(r"\|") for row in rows}) == 1
    assert rows[1] == "| :--- | :--- | :--- | :--- |"


def test_markdown_of_any_summary():
    frame = pd.DataFrame({"group": ["a|b", "c_d"], "mean": [31.25, 40.0]})
    assert Summary("Ages", frame, {"rows": "2"}, ("A note.",)).as_markdown() == (
        "**Ages**\n\n- rows: 2\n\n| group | mean |\n| :--- | ---: |\n| a\\|b | 31.25 |\n| c\\_d | 40 |\n\nA note."
    )


def test_the_plot_has_every_term_but_intercepts():
    found = bip.compare_fits(fits(), exponentiate=True)
    axes = found.plot()
    assert [label.get_text() for label in axes.get_yticklabels()] == ["age", "treat[treated]", "height"]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == list(fits())
    assert axes.get_xscale() == "log"
    assert found.plot_data()["term"].nunique() == 3
    assert "<table>" in found._repr_html_()
    assert "Fits side by side" in repr(found)


def test_a_lost_error_is_said_to_be_none():
    fit = fits()["Logit"]
    broken = fit.estimates.covariance.copy()
    broken[1, 1] = -1.0
    odd = type(fit)(
        type(fit.estimates)(fit.estimates.names, fit.estimates.values, broken, "two ways"),
        fit.design, fit.fit, {}, fit.specification,
    )  # fmt: skip
    assert bip.compare_fits({"A": odd}).table.set_index("term").loc["age", "A"].endswith("(none)")
    assert np.isnan(odd.bse["age"])


def test_linear_models_stand_beside_others_without_events():
    found = bip.compare_fits({"Line": line()[0], "Logit": fits()["Logit"]})
    assert found.about["n_events"].isna().tolist() == [True, False]
    assert found.plot().get_xlabel() == "Estimate"
    with pytest.raises(bip.ModelError, match="is a linear model"):
        bip.compare_fits({"Line": line()[0]}, exponentiate=True)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: bip.compare_fits({}), "no dict with fits"),
        (lambda: bip.compare_fits([fits()["Cox"]]), "no dict with fits"),
        (lambda: bip.compare_fits({"A": 3}), r"fits\['A'\] is no fitted model but int"),
        (lambda: bip.compare_fits(fits(), statistic="t"), "statistic='t'"),
        (lambda: bip.compare_fits(fits(), level=2), "is not a confidence level"),
    ],
)
def test_what_cannot_be_done_is_refused(call, message):
    with pytest.raises((bip.ModelError, bip.OptionError), match=message):
        call()
