"""The report's page: what stands on it, in three languages, for every kind of study."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from test_replication_ledger import _no_job

import bipstats as bip
from bipstats.codebook import LANGUAGES
from bipstats.replication.page import SECTIONS, render, speech
from bipstats.replication.page.rows import Rows
from bipstats.replication.page.speech import Speech
from bipstats.replication.result import Replication
from bipstats.replication.targets import targets
from bipstats.replication.verdict import CALIBRATED, RATIO_MARGIN, VERDICTS, share_margin
from bipstats.words import catalogue, localised, phrases, placeholders

PACKAGE = "bipstats.replication"
VOID = {"meta", "br", "input", "link", "img", "hr"}


class Texts(HTMLParser):
    """Texts of a page with their language, as it is inherited, and the classes they stand in."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.within: list[tuple[str, str, str]] = []
        self.found: list[tuple[str, str, str]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in VOID:
            return
        known = dict(attrs)
        lang, classes = (self.within[-1][1], self.within[-1][2]) if self.within else ("", "")
        self.within.append((tag, known.get("lang") or lang, f"{classes} {tag} {known.get('class') or ''}"))

    def handle_endtag(self, tag: str) -> None:
        assert self.within.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        if data.strip() and not {"style", "script"} & {tag for tag, _, _ in self.within}:
            self.found.append((self.within[-1][1], data.strip(), self.within[-1][2]))


@pytest.fixture(scope="module")
def study() -> bip.Study:
    return bip.simulate(clients=700, rng=4)


@pytest.fixture(scope="module")
def result(study: bip.Study) -> Replication:
    return bip.replicate(study, draws=30, progress=False)


@pytest.fixture(scope="module")
def real(study: bip.Study) -> Replication:
    return bip.replicate(replace(study, truth=None), draws=5, progress=False)


@pytest.fixture(scope="module")
def nobody(study: bip.Study) -> Replication:
    """Of a study in which nobody ever leaves."""
    return bip.replicate(_no_job(study), draws=5, progress=False)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_page_is_whole_and_needs_nothing_else(
    result: Replication, study: bip.Study, tmp_path: Path, lang: str
) -> None:
    result.to_html(tmp_path / "page.html", lang=lang)
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert page == render(result, lang)  # no random ids, no date
    assert page.startswith(f'<!doctype html>\n<html lang="{lang}">')
    assert len(page.encode()) < 3_000_000
    for reference in ("src=", "<link", "@import", "url(", "fetch(", "XMLHttpRequest"):
        assert reference not in page
    persons = [*study.clients["client"], *study.assignments["caseworker"].unique()]
    assert not [name for name in persons if name in page]
    assert page.count('<details class="row"') == len(result.table)
    assert page.count("<script>") == 1
    assert "stiger denne borgers sandsynlighed" in page  # a source keeps its language
    assert re.search(r'<blockquote lang="da">stiger denne', page)
    say = Speech(lang)
    for key in ("banner.heading", "banner.simulated", "banner.calibrated", "cite.simulated"):
        assert say(key) in page


def test_every_part_of_the_report_has_its_place(result: Replication) -> None:
    page = render(result)
    parts = re.findall(r'<section id="(\w+)">', page)
    assert parts == [
        "glance", "forest", "ledger", "entry", "caterpillar", "thought", "classes", "indicators", "status",
        "contradictions", "limits", "cite",
    ]  # fmt: skip
    assert re.findall(r'<li><a href="#(\w+)">', page) == parts
    for name in result.code:
        row = page[page.index(f'data-id="{name}"') :]
        row = row[: row.index("\n</details>\n")]
        assert result.code[name].splitlines()[-1].split(" = ")[0] in row
        assert (name in result.models) == ('<details class="model">' in row)
        assert (name in result.assumptions) == (Speech("en")("row.assumption") in row)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_page_of_real_data_knows_no_generator(real: Replication, lang: str) -> None:
    page = render(real, lang)
    body = page[page.index("<body>") :].lower()
    assert (
        Speech(lang)("banner.heading").lower() not in body
        and Speech(lang)("cite.simulated").lower() not in body
    )
    for word in ("generator", "calibrat", "kalibr", "true value", "sant värde", "sand værdi"):
        assert word not in body
    assert Speech(lang)("banner.page") not in page


def test_other_simulated_worlds_say_that_they_are_not_calibrated(result: Replication) -> None:
    table = result.table.assign(verdict=result.table["verdict"].str.removeprefix(CALIBRATED))
    world = "an <own> world"
    page = render(replace(result, calibrated=False, world=world, table=table), "da")
    assert "ikke kalibreret til disse tal:" in page and "An &lt;own&gt; world" in page
    assert Speech("da")("banner.calibrated") not in page


def test_text_from_outside_is_escaped(result: Replication) -> None:
    table = result.table.assign(note="<script>alert(1)</script> & more")
    page = render(replace(result, table=table, code={"E01": "</code><b>x"}), "sv")
    assert "<script>alert" not in page and "</code><b>x" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; more" in page


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_study_without_estimates_says_why(nobody: Replication, lang: str) -> None:
    assert nobody.plot_data().empty and nobody.incidence.empty and nobody.caterpillar.empty
    page, say = render(nobody, lang), Speech(lang)
    for key in ("forest.none", "entry.none", "caterpillar.none", "thought.none", "indicators.none"):
        assert say(key) in page
    assert "No client entered while an answer was in force (the register has no entry)" in page
    for name in ("caterpillar", "thought_experiment", "indicators"):
        assert nobody.reasons[name][1:40] in page
    assert page.count('class="curves"') == page.count('class="caterpillar"') == 0
    assert page.count('class="diamond"') == 0
    row = page[page.index('id="row-E02"') :]
    assert say("verdict.not estimated") in row[: row.index("</summary>")]


def test_what_the_study_lacks_altogether_has_a_word(result: Replication) -> None:
    empty = pd.DataFrame()
    bare = replace(result, flow=empty, classes=empty, reasons={"flow": "no register", "classes": "no pairs"})
    page = render(bare)
    assert "cannot be given for this study." in page and "No register." in page and "No pairs." in page


def test_small_steps_of_the_flow_are_hidden(result: Replication) -> None:
    flow = result.flow.copy()
    flow.loc[flow["key"] == "education", ["clients", "left_out"]] = pd.NA
    page = render(replace(result, flow=flow))
    step = page[page.index("Of those followed: education seen") :]
    assert '<span class="number right">few</span>' in step[:120]
    assert "width:0%" in step[:400]


def test_every_figure_has_a_place_and_every_verdict_a_meaning() -> None:
    placed = [figure for figures in SECTIONS.values() for figure in figures]
    assert sorted(placed) == sorted(bip.codebook.published()["id"])
    for lang in LANGUAGES:
        known = catalogue(PACKAGE, lang)
        assert {key.partition(".")[2] for key in known if key.startswith("meaning.")} == set(VERDICTS)
        assert {key.partition(".")[2] for key in known if key.startswith("verdict.")} == {"prefix", *VERDICTS}
        assert len({known[f"verdict.{word}"] for word in VERDICTS}) == len(VERDICTS)


def test_differences_by_hand(result: Replication) -> None:
    rows = Rows(result, Speech("en"))
    by_id = result.table.set_index("id")
    shown = {row["name"]: row for section in rows.sections() for row in section["rows"]}
    found, known = by_id.loc["E02", "estimate"], 1.33
    assert shown["E02"]["difference"] == f"{100 * (found / known - 1):+.0f}\u00a0%".replace("-", "−")
    assert shown["E02"]["weight"] == pytest.approx(abs(np.log(found / known)) / RATIO_MARGIN)
    apart = by_id.loc["E34", "estimate"] - 0.46
    assert shown["E34"]["difference"] == f"{100 * apart:+.1f} points".replace("-", "−")
    assert shown["E34"]["weight"] == pytest.approx(abs(apart) / share_margin(0.01))
    for name in ("E11", "E23", "E28", "E34b"):  # not comparable, a sign, words
        assert shown[name]["difference"] == ""


# Words -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wrong", ["no", "english", "", None, "EN"])
def test_an_unknown_language_is_refused_by_name(result: Replication, tmp_path: Path, wrong: str) -> None:
    told = re.escape(f"lang={wrong!r} is not an option; choose one of 'en', 'sv', 'da'")
    with pytest.raises(bip.OptionError, match=told):
        render(result, wrong)
    with pytest.raises(bip.OptionError, match=told):
        result.to_html(tmp_path / "page.html", lang=wrong)
    assert not (tmp_path / "page.html").exists()


@pytest.mark.parametrize("lang", ["sv", "da"])
def test_catalogues_have_the_same_keys_and_places(lang: str) -> None:
    english, other = catalogue(PACKAGE, "en"), catalogue(PACKAGE, lang)
    assert list(english) == list(other)
    for key, text in other.items():
        assert text and placeholders(text) == placeholders(english[key]), key
        assert len(re.findall(r"\d+[.,]?\d*", text)) == len(re.findall(r"\d+[.,]?\d*", english[key])), key
    for text, cells in phrases(PACKAGE).items():
        assert set(cells) == {"sv", "da"}
        assert cells[lang] and placeholders(cells[lang]) == placeholders(text), text
        ids = re.findall(r"E\d\d\w?", text)
        assert sorted(re.findall(r"E\d\d\w?", cells[lang])) == sorted(ids), text


def _texts() -> set[str]:
    """Everything of the declared rows and the codebook that the page shows in words."""
    found = set()
    for row in targets():
        found |= {row.part, row.statement, row.words, row.note, row.generator, row.incomparable, row.label}
        found |= {row.scale, row.estimand, row.population, row.time_zero, row.horizon, row.assumes}
        found |= {row.id.partition(" ")[2]}
        found |= {label for _, label in (*row.admissible, *row.beside)} | {item[2] for item in row.truth}
    figures = bip.codebook.published()
    for name in ("scale", "horizon", "population", "definition", "note"):
        found |= set(figures[name])
    found |= {scale.split(";")[0] for scale in figures["scale"]}
    contradictions = bip.codebook.contradictions()
    return (found | set(contradictions["statement"]) | set(contradictions["treatment"])) - {""}


def test_everything_that_is_declared_is_translated() -> None:
    assert _texts() - set(phrases(PACKAGE)) == set()


@pytest.mark.parametrize("lang", ["sv", "da"])
def test_what_stays_english_is_little_and_says_so(result: Replication, lang: str) -> None:
    texts = Texts(render(result, lang)).found
    readings = {speech.typeset(words) for words in result.readings.values()}
    left = {
        text
        for tongue, text, within in texts
        if tongue == "en" and not {"code", "model"} & set(within.split())
    }
    assert len(left - readings) <= 4, left
    own = " ".join(text for tongue, text, _ in texts if tongue == lang)
    assert len(own) > 20_000
    for text in (
        "What is said",
        "The ledger",
        "compatible",
        "hazard ratio",
        "share of clients",
        "Hazard ratio",
    ):
        assert text not in own, text


def test_no_word_of_the_catalogue_is_idle(
    result: Replication, real: Replication, nobody: Replication, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: set[str] = set()

    class Asked(dict[str, str]):
        def __getitem__(self, key: str) -> str:
            asked.add(key)
            return super().__getitem__(key)

    known = Asked(catalogue(PACKAGE, "en"))
    monkeypatch.setattr(speech, "catalogue", lambda package, lang: known)
    empty = pd.DataFrame()
    flow = result.flow.assign(clients=result.flow["clients"] - 40 * np.arange(len(result.flow)), left_out=7)
    flow.loc[flow.index[-1], "clients"] = pd.NA
    uncalibrated = replace(result, calibrated=False, world="w", flow=flow)
    bare = replace(nobody, flow=empty, classes=empty)
    for each in (result, real, uncalibrated, bare):
        render(each)
        Speech("sv")("page.english")
    assert set(known) - asked == set()


def test_numbers_are_set_as_the_language_has_them(result: Replication) -> None:
    assert (
        localised("12,345 rows, 14.8 %, 1,000,000 and 1, 2", "da")
        == "12.345 rows, 14,8 %, 1.000.000 and 1, 2"
    )
    assert localised("12,345.5", "sv") == "12\u00a0345,5"
    assert localised("12,345.5", "en") == "12,345.5"
    estimate = result.table.set_index("id").loc["E02", "estimate"]
    for lang, sign in (("en", "."), ("sv", ","), ("da", ",")):
        page = render(result, lang)
        row = page[page.index('id="row-E02"') :]
        assert f">{estimate:.2f}<".replace(".", sign) in row[: row.index("</summary>")]
    assert "1.33" not in re.sub(
        r"(?s)<style>.*?</style>|<svg.*?</svg>|<pre.*?</pre>|lang=\"en\".*?</div>", "", page
    )


def test_a_number_is_typeset() -> None:
    say = Speech("sv")
    assert say.number(-0.0307, "sd of the index per quarter") == "−0,031"
    assert (
        say.number(float("nan"), "hazard ratio") == say.count(pd.NA) == say.range(None, "hazard ratio") == ""
    )
    assert say.published(0.1476, "share of clients") == "14,76\u00a0%"
    interval = pd.Interval(0.01, 0.0249, closed="both")
    assert say.range(interval, "share of clients") == "1,0 till 2,5\u00a0%"
    assert speech.typeset("28.45 - 14.76 is -3, 2011-2016") == "28.45 − 14.76 is −3, 2011-2016"


def test_a_note_is_taken_apart_where_its_parts_end() -> None:
    note = (
        "no reflection and no future: the version to prefer; noisier, as few answers precede; "
        "447 entries in 40,690 rows; <5 rows with missing answers left out; something <new>"
    )
    english = Speech("en").notes(note)
    assert len(english) == 4 and english[1] == "447 entries in 40,690 rows"
    danish = Speech("da").notes(note)
    assert danish[0].startswith("Ingen genspejling og ingen fremtid")
    assert danish[1] == "447 indgange i 40.690 rækker"
    assert danish[2] == "&lt;5 rækker med manglende svar regnet fra"
    assert danish[3] == '<span lang="en">Something &lt;new&gt;</span>'
    assert Speech("da").notes("") == []


def test_profiles_have_one_catalogue_in_each_language() -> None:
    english = catalogue("bipstats.progression", "en")
    for lang in ("sv", "da"):
        other = catalogue("bipstats.progression", lang)
        assert list(other) == list(english)
        assert all(placeholders(other[key]) == placeholders(english[key]) for key in english)
