"""Fits side by side: the numbers of each fit, every format, and stars that follow the p-values."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from fits import fitted as fits_of_contract
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
    assert cells.loc["age", "Cox"] == f"{row['estimate']:.3f} ({row['std_error']:.3f})"
    estimates = cells.loc["age", ["Cox", "Cox, model"]].str.split(" ").str[0]
    assert estimates.nunique() == 1  # the same fit, another covariance


def test_what_stands_in_brackets():
    intervals = bip.compare_fits(fits(), statistic="conf_int", level=0.9)
    row = fits()["Logit"].tidy(0.9).set_index("term").loc["height"]
    shown = intervals.table.set_index("term").loc["height", "Logit"]
    assert shown.endswith(f" [{row['conf_low']:.3f}, {row['conf_high']:.3f}]")
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
    assert "203" in lines["Observations"]
    assert str(fits()["Cox"].n_events) in lines["Events"]
    assert re.search(rf"\b{clusters}\b", lines["Clusters"])
    assert f"{fits()['Logit'].loglik:,.2f}" in lines["Log-likelihood"]
    assert "hazard ratios" in str(bip.compare_fits(fits(), exponentiate=True).summary())


def test_clusters_are_left_out_where_no_fit_has_any():
    text = str(bip.compare_fits({"A": fits()["Logit"]}).summary())
    assert "Clusters" not in text


def test_every_format_has_every_cell():
    found = bip.compare_fits(fits(), stars=True)
    cells = [cell for column in found.table for cell in found.table[column] if cell]
    cells = [part for cell in cells for part in cell.split(" ")]
    minus = [re.sub(r"^-", "\u2212", cell) for cell in cells]
    text, html, latex, markdown = str(found.summary()), found.as_html(), found.as_latex(), found.as_markdown()
    for cell, printed in zip(cells, minus, strict=True):
        assert cell in text
        assert f">{printed}<" in html and f">{printed}<" in found.as_word()
        assert printed.replace("_", r"\_").replace("\u2212", "$-$") in latex
        assert re.sub(r"([*\[\]])", r"\\\1", printed) in markdown
    assert html.count("<tbody>") == 2
    assert latex.count(r"\midrule") == 2
    rows = [line for line in markdown.splitlines() if line.startswith("|")]
    assert len({row.count("|") - row.count(r"\|") for row in rows}) == 1
    assert rows[1] == "| :--- | :---: | :---: | :---: |"


def test_brackets_stand_beneath_and_heads_say_what_they_are():
    summary = bip.compare_fits(fits(), exponentiate=True, statistic="conf_int").summary()
    rows = summary.grid.parts[0]
    ratio = bip.compare_fits(fits(), exponentiate=True).tidy().iloc[0]
    assert rows[0][:2] == ("age", f"{ratio['estimate']:.3f}")
    assert rows[1][:2] == ("", f"[{ratio['conf_low']:.3f}, {ratio['conf_high']:.3f}]")
    assert summary.grid.heads[1] == ("", "HR [95% CI]", "HR [95% CI]", "OR [95% CI]")
    assert "HR: hazard ratio." in summary.notes and "OR: odds ratio." in summary.notes
    counts = [row[0] for row in summary.grid.parts[1]]
    assert counts == ["Observations", "Events", "Clusters", "Log-likelihood", "AIC"]
    assert any("Reference levels: treat = placebo." in note for note in summary.notes)


def test_terms_are_chosen_and_a_note_names_the_others():
    found = bip.compare_fits(fits(), terms=["treat", "age"])
    assert found.table["term"].tolist() == ["treat[treated]", "age"]
    assert set(found.tidy()["term"]) == {"age", "treat[treated]", "Intercept", "height"}
    assert "In the model and not shown: Intercept, height." in found.summary().notes
    assert set(found.plot_data()["term"]) == {"treat[treated]", "age"}


@pytest.mark.parametrize(
    ("lang", "words"),
    [
        ("en", ("Observations", "Age", "Constant", "clustered by center", "95% CI")),
        ("sv", ("Observationer", "Ålder", "Konstant", "klustrade efter center", "95 % KI")),
        ("da", ("Observationer", "Alder", "Konstant", "klyngede efter center", "95 % KI")),
    ],
)
def test_words_and_terms_in_three_languages(lang, words):
    found = bip.compare_fits(
        fits(), lang=lang, statistic="conf_int", labels={"treat[treated]": "D-penicillamine"}
    )
    text = str(found.summary())
    assert all(word in text for word in (*words, "D-penicillamine", "height"))
    assert [label.get_text() for label in found.plot().get_yticklabels()][1] == "D-penicillamine"


def test_a_decimal_comma_turns_every_number():
    plain = bip.compare_fits(fits(), statistic="conf_int", digits=2).summary()
    comma = bip.compare_fits(fits(), statistic="conf_int", digits=2, decimal=",").summary()
    for before, after in zip(plain.grid.parts[0], comma.grid.parts[0], strict=True):
        assert [cell.replace(", ", "; ").replace(".", ",") for cell in before[1:]] == list(after[1:])
    assert not re.search(r"\d\.\d", str(comma)) and "< 0,05" in str(
        bip.compare_fits(fits(), stars=True, decimal=",").summary()
    )


def test_the_spread_of_random_intercepts_is_in_the_table():
    mixed, frail = fits_of_contract("mixed_logit"), fits_of_contract("frailty_cox")
    rows = bip.compare_fits({"Mixed": mixed, "Frailty": frail}).summary().grid.parts[1]
    assert rows[0] == ("SD of worker", f"{mixed.random['sd'][0]:.3f}", "")
    assert rows[1] == ("Frailty variance", "", f"{frail.variance.estimate:.3f}")


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
    names = fit.estimates.names
    odd = replace(fit, estimates=type(fit.estimates)(names, fit.estimates.values, broken, "two ways"))
    assert bip.compare_fits({"A": odd}).table.set_index("term").loc["age", "A"].endswith("(none)")
    assert bip.compare_fits({"A": odd}, statistic="conf_int").table["A"][1].endswith("[none]")
    assert np.isnan(odd.bse["age"])


def test_linear_models_stand_beside_others_without_events():
    found = bip.compare_fits({"Line": line()[0], "Logit": fits()["Logit"]})
    assert found.about["n_events"].isna().tolist() == [True, False]
    assert found.plot().get_xlabel() == "Estimate, 95% CI"
    with pytest.raises(bip.OptionError, match="'Line' is a linear model"):
        bip.compare_fits({"Line": line()[0], "Logit": fits()["Logit"]}, exponentiate=True)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: bip.compare_fits({}), "no dict with fits"),
        (lambda: bip.compare_fits([fits()["Cox"]]), "no dict with fits"),
        (lambda: bip.compare_fits({"A": 3}), r"fits\['A'\] is no fitted model but int"),
        (lambda: bip.compare_fits(fits(), statistic="t"), "statistic='t'"),
        (lambda: bip.compare_fits(fits(), level=2), "is not a confidence level"),
        (lambda: bip.compare_fits(fits(), decimal=";"), "decimal=';'"),
        (lambda: bip.compare_fits(fits(), lang="no"), "lang='no'"),
        (lambda: bip.compare_fits(fits(), digits=-1), "digits=-1"),
        (lambda: bip.compare_fits(fits(), labels={"ag": "Age"}), "labels name 'ag'.*Close to 'age'"),
        (lambda: bip.compare_fits(fits(), labels=["age"]), "no mapping of names"),
        (lambda: bip.compare_fits(fits(), terms=["weight"]), "terms name 'weight', which no fit has"),
        (lambda: bip.compare_fits(fits(), terms="age"), "is no list of terms"),
        (lambda: bip.compare_fits({1: fits()["Cox"], "1": fits()["Cox"]}), "names must differ"),
        (lambda: bip.compare_fits({"term": fits()["Cox"]}), "none may be 'term'"),
        (lambda: bip.compare_fits(fits()).to_file("table.docx"), "ends with none of .tex"),
        (lambda: bip.compare_fits(fits()).to_file("table.tex", format="rtf"), "format='rtf'"),
    ],
)
def test_what_cannot_be_done_is_refused(call, message):
    with pytest.raises(bip.OptionError, match=message):
        call()
