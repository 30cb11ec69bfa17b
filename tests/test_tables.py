"""Tables for papers: marks of every format escaped, decimals and decimal comma, files, and what is refused."""

import html
import re
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
import strict_latex

import bipstats as bip
from bipstats.numbers import NumberStyle, with_minus
from bipstats.tables import FORMATS, Summary

NASTY = '50 % & _#$^~\\{}<b>|*`" å ä ö æ ø Å − – ≤ × τ² …'


def table(**more):
    frame = pd.DataFrame({"term": [NASTY, "[x]"], "n": [12000, 3], "estimate": [-0.123456, np.nan]})
    return Summary("Title & co", frame, {"rows": "1,203 of 1,500"}, ("From -0.5 to 1.25, 50% off.",), **more)


def test_every_sign_that_latex_reads_is_escaped():
    text = table().as_latex(label="tab:one")
    assert strict_latex.problems(text) == []
    assert r"50 \% \& \_\#\$\textasciicircum{}\textasciitilde{}\textbackslash{}\{\}" in text
    assert "å ä ö æ ø Å $-$ -- $\\le$ $\\times$ $\\tau$$^2$" in text
    assert "\n{}[x] & 3 &" in text and "$-$0.1235" in text
    assert r"\caption{Title \& co}" in text and r"\label{tab:one}" in text
    bare = table().as_latex(floating=False)
    assert strict_latex.problems(bare) == [] and "table}" not in bare and "caption" not in bare


@pytest.mark.parametrize(
    ("spoilt", "said"),
    [
        (lambda text: text.replace(r"\&", "&"), "columns"),
        (lambda text: text.replace(r"\%", "%"), "bare %"),
        (lambda text: text.replace(r"\end{tabular}", ""), "closes nothing"),
        (lambda text: text.replace("$-$", "−"), "is no letter"),
        (lambda text: text.replace("{}[x]", "[x]"), "option of the row before"),
        (lambda text: text.replace(r"\_", "_"), "bare _"),
        (lambda text: text.replace(r"\{", "{"), "brace"),
    ],
)
def test_the_reader_of_latex_sees_what_is_wrong(spoilt, said):
    assert any(said in problem for problem in strict_latex.problems(spoilt(table().as_latex())))


@pytest.mark.parametrize("write", ["as_html", "as_word"])
def test_html_is_escaped_and_well_formed(write):
    text = getattr(table(), write)()
    cells = [cell.text for cell in ElementTree.fromstring(text).iter("td")]
    assert with_minus(NASTY) in cells and "−0.1235" in cells
    assert "<b>|" not in text and "Title &amp; co" in text


def test_word_carries_its_look_in_every_cell():
    body = ElementTree.fromstring(table().as_word())
    rows = [list(row) for row in body.iter("tr")]
    assert all("font-family" in cell.get("style") for row in rows for cell in row)
    edges = [("border-top" in row[0].get("style"), "border-bottom" in row[0].get("style")) for row in rows]
    assert edges == [(True, False), (True, False), (False, True)]  # heads, first row, last row
    assert "class=" not in table().as_word() and "<style" not in table().as_word()


def test_markdown_keeps_its_columns():
    rows = [line for line in table().as_markdown().splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {4}
    assert r"\$\^\~\\{}\<b\>\|\*\`" in rows[2]


@pytest.mark.parametrize(
    ("style", "value", "text"),
    [
        (NumberStyle(), 0.123456, "0.1235"),
        (NumberStyle(), 12345.6, "12,346"),
        (NumberStyle(2), -1.005e6, "-1,005,000.00"),
        (NumberStyle(2), -0.0001, "-0.0001"),  # neither zero nor minus zero
        (NumberStyle(2), 0.0, "0.00"),
        (NumberStyle(0), -0.2, "0"),
        (NumberStyle(2, ","), 12345.678, "12\u202f345,68"),
        (NumberStyle(None, ","), 0.5, "0,5"),
        (NumberStyle(3), np.nan, ""),
        (NumberStyle(3), np.inf, "∞"),
    ],
)
def test_numbers(style, value, text):
    assert style.number(value) == style.cell(value) == text


@pytest.mark.parametrize(
    ("text", "turned"),
    [
        ("1,203 rows, 44 events", "1\u202f203 rows, 44 events"),
        ("0.5, 1.25", "0,5; 1,25"),
        ("[-0.05, 0.06] and (0.5, 2)", "[-0,05; 0,06] and (0,5; 2)"),
        ("bipstats 0.1.0 on 2016-01-31", "bipstats 0.1.0 on 2016-01-31"),
        ("p < 0.05, ** p < 0.01.", "p < 0,05, ** p < 0,01."),
        ("ends with 3.", "ends with 3."),
        ("-0,005 stays", "-0,005 stays"),
    ],
)
def test_numbers_within_words_turn_with_the_decimal_comma(text, turned):
    assert NumberStyle(decimal=",").text(text) == turned
    assert NumberStyle().text(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("-0.5 (-1, 2)", "−0.5 (−1, 2)"),
        ("2016-01-31", "2016-01-31"),
        ("x-1", "x-1"),
        ("Fine-Gray", "Fine-Gray"),
    ],
)
def test_a_hyphen_before_a_number_is_a_minus(text, shown):
    assert with_minus(text) == shown


def test_styled_gives_the_same_table_with_other_numbers_and_names():
    plain = table()
    found = plain.styled(digits=2, decimal=",", labels={"[x]": "Ålder", "estimate": "Skattning"})
    assert found.grid.parts[0][0] == (NASTY, "12\u202f000", "-0,12") and found.grid.parts[0][1][0] == "Ålder"
    assert found.grid.heads == (("term", "n", "Skattning"),)
    assert "1\u202f203 of 1\u202f500" in str(found) and "From -0,5 to 1,25, 50% off." in str(found)
    assert str(plain) == str(table())  # which stays as it is


def test_formulas_in_facts_keep_their_points():
    summary = Summary("A", pd.DataFrame({"x": [0.5]}), {"formula": "y ~ I(x * 0.5)"}).styled(decimal=",")
    assert "I(x * 0.5)" in str(summary) and "0,5" in str(summary)


@pytest.mark.parametrize("kind", FORMATS)
def test_files_of_every_format(kind, tmp_path):
    path = table().to_file(tmp_path / "table.out", format=kind)
    text = path.read_text(encoding="utf-8")
    own = {"latex": "as_latex", "markdown": "as_markdown", "text": "__str__"}
    if kind in own:
        assert text == getattr(table(), own[kind])() + "\n"
    else:
        assert (
            '<meta charset="utf-8">' in text
            and {"html": table().as_html, "word": table().as_word}[kind]() in text
        )
    assert "å ä ö" in html.unescape(text)


def test_a_file_is_written_as_its_name_ends(tmp_path):
    for end, mark in ((".tex", r"\toprule"), (".html", "<table>"), (".md", ":---"), (".txt", "Title")):
        assert mark in table().to_file(tmp_path / f"table{end}").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: table().styled(decimal="."), ""),
        (lambda: table().styled(decimal=";"), "^decimal=';' is not an option; choose one of"),
        (lambda: table().styled(digits=2.5), "^digits=2.5 is no number of decimals"),
        (lambda: table().styled(digits=True), "^digits=True"),
        (
            lambda: table().styled(labels={"estimat": "a", "nn": "b"}),
            "^labels name 'estimat', 'nn'.*'estimate'",
        ),
        (lambda: table().styled(labels="estimate"), "no mapping of names to texts"),
        (lambda: table().styled(labels={"estimate": 3}), "no mapping of names to texts"),
        (lambda: table().to_file("table.rtf"), "ends with none of .tex, .html"),
        (lambda: table().to_file("table.tex", format="rtf"), "^format='rtf'"),
    ],
)
def test_what_cannot_be_done_is_refused_by_name(call, message):
    if not message:
        assert isinstance(call(), Summary)
        return
    with pytest.raises(bip.OptionError, match=message):
        call()


def test_a_table_for_a_paper_has_the_order_and_names_of_journals():
    frame = pd.DataFrame(
        {
            "term": ["Intercept", "sex[male]", "mine"], "estimate": [1234.5, 0.5, np.nan],
            "p_value": ["<0.001", "0.095", ""], "odds ratio": [0.5, 1.0, np.nan],
            "conf_low": [-1.0, 0.123, np.nan], "conf_high": [1500.25, 2.0, np.nan], "exit": ["job", "other", "x"],
            "sure": [True, False, True],
        }
    )  # fmt: skip
    found = Summary("A", frame).styled(digits=2, decimal=",", lang="sv", labels={"mine": "Min egen"}).grid
    assert found.heads == (("", "Skattning", "OR", "KI", "Utträde", "sure", "p"),)
    assert found.parts[0] == (
        ("Konstant", "1\u202f234,50", "0,50", "[-1,00; 1\u202f500,25]", "Arbete", "ja", "<0,001"),
        ("Kön: Man", "0,50", "1,00", "[0,12; 2,00]", "Annat utträde", "nej", "0,095"),
        ("Min egen", "", "", "", "x", "ja", ""),
    )
    more = frame.assign(observed_low=0.1, observed_high=0.25)
    hint = Summary("A", more, notes=("Kept.", "Further: .designs.")).styled(lang="da").grid
    assert hint.heads[0][-2:] == ("Observeret, KI", "p") and hint.parts[0][0][-2] == "[0.1, 0.25]"
    assert hint.notes == ("Kept.",)
    named = Summary("A", frame).styled(lang="en", labels={"conf_int": "95% CI", "p_value": "P"})
    assert named.grid.heads[0][3] == "95% CI" and named.grid.heads[0][-1] == "P"
    assert list(frame.columns)[-3:] == ["conf_high", "exit", "sure"]  # the result's own stays
    with pytest.raises(bip.OptionError, match=r"^lang='no'"):
        Summary("A", frame).styled(lang="no")
    with pytest.raises(bip.OptionError, match="conf_int"):
        Summary("A", frame).styled(labels={"conf_int": "95% CI"})


def test_a_fit_is_a_table_for_a_paper_in_danish():
    rows = bip.landmarks(bip.simulate(clients=300, rng=2), at=0, horizon=52)
    text = (
        bip.ols("entered ~ caseworker_belief + sex", rows).summary().styled(lang="da", decimal=",").as_latex()
    )
    assert strict_latex.problems(text) == []
    assert " & Estimat & SE & " in text and "Køn: Mand & " in text and "sex[male]" not in text
