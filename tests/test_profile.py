"""Instruments, one client's profile, the printable page, and a unit's summary."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import bipstats as bip
from bipstats.plotting import new_axes
from bipstats.progression.instruments import Instrument
from bipstats.progression.radar import radar
from bipstats.progression.unit import LEAST, _hide
from bipstats.study.study import Study

OWN = """
key = "own"
low = 0
high = 10
[title]
en = "Own"
sv = "Egen"
da = "Egen"
"""


def item(key: str, more: str = "") -> str:
    return f'[[item]]\nkey = "{key}"\nlabel = {{ en = "{key}", sv = "{key} å", da = "{key} ø" }}\n{more}\n'


@pytest.fixture(scope="module")
def study() -> Study:
    return bip.simulate(clients=300, rng=1)


@pytest.fixture(scope="module")
def someone(study: Study) -> str:
    return str(study.responses["client"].value_counts().index[0])


def skapa(clients: int = 40, times: int = 3, seed: int = 1) -> pd.DataFrame:
    draw = np.random.default_rng(seed)
    keys = bip.progression.instrument("SKAPA").keys
    level = draw.normal(3, 1, clients)
    return pd.DataFrame(
        [
            {
                "client": i,
                "date": pd.Timestamp("2024-01-01") + pd.Timedelta(weeks=13 * j),
                "respondent": "client",
            }
            | {key: int(np.clip(round(level[i] + draw.normal(0, 0.6)), 1, 5)) for key in keys}
            for i in range(clients)
            for j in range(times)
        ]
    )


# --- instruments


def test_presets_have_their_items_in_three_languages() -> None:
    for name, number in (("BIP", 11), ("SKAPA", 6)):
        form = bip.progression.instrument(name)
        assert len(form.items) == number and (form.low, form.high) == (1, 5)
        assert all(set(item.labels) == {"en", "sv", "da"} for item in form.items)
    asked = {item.key: item.raters for item in bip.progression.instrument("BIP").items}
    assert asked["goal_directed"] == ("caseworker",) and asked["network"] == ("client", "caseworker")


def test_an_own_instrument_is_read(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(
        OWN + item("work") + item("sleep", 'raters = ["client"]') + item("home"), encoding="utf-8"
    )
    form = bip.progression.instrument(path)
    assert isinstance(form, Instrument) and form.keys == ("work", "sleep", "home") and form.high == 10
    assert form.items[1].raters == ("client",)


def test_all_that_is_wrong_with_an_instrument_is_named_at_once(tmp_path: Path) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(
        'colour = 1\nlow = 1\nhigh = 2\n[title]\nen = "x"\n'
        + item("a")
        + item("a", 'raters = ["boss"]')
        + item("1x"),
        encoding="utf-8",
    )
    with pytest.raises(bip.OptionError) as caught:
        bip.progression.instrument(path)
    for said in (
        "colour: unknown",
        "low, high",
        "title: a text in each",
        "'a' stands there twice",
        "raters",
        "must be a name",
    ):
        assert said in str(caught.value), said
    with pytest.raises(bip.OptionError, match="none of BIP, SKAPA"):
        bip.progression.instrument("NOPE")
    (tmp_path / "no.toml").write_text("= 3")
    with pytest.raises(bip.OptionError, match="no TOML file"):
        bip.progression.instrument(tmp_path / "no.toml")


def test_what_a_file_may_hold_is_said_never_a_crash(tmp_path: Path) -> None:
    path = tmp_path / "odd.toml"
    path.write_text(
        'status = "foo"\nsource = 3\n'
        + OWN.replace("low = 0", "low = true").replace('da = "Egen"', 'da = "Egen"\nno = "Egen"')
        + item("a", 'raters = [["client"]]')
        + item("date")
        + '[[item]]\nkey = ["c"]\nlabel = { en = "c", sv = "c", da = "c" }\n',
        encoding="utf-8",
    )
    with pytest.raises(bip.OptionError) as caught:
        bip.progression.instrument(path)
    for said in (
        "status: one of",
        "source: a text",
        "low, high",
        "no is unknown",
        "item 1: raters",
        "item 2: key must not be client",
        "item 3: key must be a name",
    ):
        assert said in str(caught.value), said
    with pytest.raises(bip.OptionError, match="no name or path"):
        bip.progression.instrument(3)  # type: ignore[arg-type]


def test_an_instrument_with_an_inferred_item_is_not_called_published() -> None:
    assert bip.progression.instrument("BIP").status == "assumed"
    assert bip.progression.instrument("SKAPA").status == "published"


# --- the profile


def test_the_table_has_first_latest_and_change_by_rater(study: Study, someone: str) -> None:
    table = bip.progression.profile(study, someone).table
    own = study.responses[study.responses["client"] == someone].sort_values("date")
    for row in table.itertuples():
        answers = own.loc[own["respondent"] == row.respondent, row.item].dropna().astype(float)
        assert (row.first, row.latest) == (answers.iloc[0], answers.iloc[-1])
        assert row.change == answers.iloc[-1] - answers.iloc[0]
    assert (table["respondent"] == "client").sum() == 9 and (table["respondent"] == "caseworker").sum() == 11


def test_a_change_is_marked_where_it_is_as_large_as_the_limit(study: Study) -> None:
    """Limit by hand: 1.96 sqrt(2) s sqrt(1 - reliability), up to whole steps."""
    rows = skapa()
    given = bip.progression.profile(rows, 3, instrument="SKAPA", reliability=0.7)
    first = rows.drop_duplicates("client")
    for row in given.table.itertuples():
        steps = np.ceil(1.959964 * np.sqrt(2) * first[row.item].std() * np.sqrt(0.3))
        assert row.steps == steps >= 2
        assert (row.reliable == "yes") == (abs(row.change) >= steps)


def test_without_reliability_nothing_is_marked_and_the_page_says_why(tmp_path: Path) -> None:
    few = skapa(clients=5)
    made = bip.progression.profile(few, 0, instrument="SKAPA")
    assert made.table["steps"].isna().all() and (made.table["reliable"] == "unknown").all()
    text = made.to_html(tmp_path / "page.html").read_text(encoding="utf-8")
    assert "No change is marked: we cannot yet tell" in text and "●" not in text
    assert "fewer than 30 clients were rated twice (6)" in str(made.summary())


def test_that_one_step_may_be_chance_is_said_where_it_is_so() -> None:
    said = bip.progression.profile(skapa(), 3, instrument="SKAPA", reliability=0.7).remarks
    assert any("One step up or down" in text for text in said)
    said = bip.progression.profile(skapa(), 3, instrument="SKAPA", reliability=0.999).remarks
    assert not any("One step" in text for text in said)


def test_one_measurement_is_a_profile_without_change(tmp_path: Path) -> None:
    once = skapa(times=1)
    made = bip.progression.profile(once, 0, instrument="SKAPA")
    assert made.table["change"].isna().all() and (made.table["first"] == made.table["latest"]).all()
    made.plot_lines()
    assert made.plot().get_legend().get_texts() == []  # nothing to tell apart
    text = made.to_html(tmp_path / "page.html").read_text(encoding="utf-8")
    assert "Changes can be seen from the second time on" in text and "Latest time" not in text
    assert text.count("<svg") == 1 and "2024-01-01 –" not in text


def test_one_rater_and_an_item_never_answered_are_left_blank(study: Study, someone: str) -> None:
    alone = study.responses[study.responses["respondent"] == "client"].assign(network=pd.NA)
    made = bip.progression.profile(alone, someone)
    assert set(made.table["respondent"]) == {"client"} and "network" not in set(made.table["item"])
    assert list(made.raters) == ["client"]


@pytest.mark.parametrize("lang", ["en", "sv", "da"])
def test_the_page_needs_nothing_else_and_names_nobody(
    study: Study, someone: str, lang: str, tmp_path: Path
) -> None:
    made = bip.progression.profile(study, someone, lang=lang, title="<b>Å. Ø.</b>")
    text = made.to_html(tmp_path / "page.html").read_text(encoding="utf-8")
    assert (
        someone not in text
        and "http://" not in text.replace("http://www.w3.org", "")
        and "https://" not in text
    )
    assert "&lt;b&gt;Å. Ø.&lt;/b&gt;" in text and f'<html lang="{lang}">' in text
    assert text.count("<svg") == 3 and "<script" not in text
    for label in made.table["label"].unique():
        assert label in text
    assert made.to_html(tmp_path / "again.html").read_bytes() == (tmp_path / "page.html").read_bytes()


def test_a_radar_has_spokes_for_what_a_rater_is_asked_only(study: Study, someone: str) -> None:
    made = bip.progression.profile(study, someone)
    texts = [text.get_text().replace("\n", " ") for text in made.plot().texts]
    assert texts.count("Goal-directedness") + texts.count("Goal directedness") <= 1
    assert texts.count("Job search behaviour") == 2
    assert radar.__doc__ is not None


@pytest.mark.parametrize("lang", ["en", "sv", "da"])
@pytest.mark.parametrize("kind", ["page", "plot"])
def test_no_label_of_a_radar_lies_on_another(study: Study, someone: str, lang: str, kind: str) -> None:
    bip_, skapa_ = (
        bip.progression.profile(study, someone, lang=lang),
        bip.progression.profile(skapa(), 3, instrument="SKAPA", lang=lang),
    )
    drawn = [bip_.plot(), skapa_.plot()]
    if kind == "page":
        drawn = [bip_.draw_radars(new_axes(5.2, 4.9), {rater: said}) for rater, said in bip_.raters.items()]
    for axes in drawn:
        axes.figure.draw_without_rendering()
        boxes = [
            (text.get_text(), text.get_window_extent())
            for text in axes.texts
            if not text.get_text().isdigit()
        ]
        for (one, box), (other, by) in combinations(boxes, 2):
            assert not box.overlaps(by), (one, other)


def test_bad_ratings_are_refused_with_all_that_is_wrong() -> None:
    rows = skapa()
    rows.loc[0, "health"] = 7
    rows.loc[1, "date"] = pd.NaT
    rows.loc[2, "respondent"] = "boss"
    rows = pd.concat([rows, rows.iloc[[10]]], ignore_index=True)
    with pytest.raises(bip.ModelError) as caught:
        bip.progression.profile(rows, 3, instrument="SKAPA")
    for said in (
        "1 rating(s) in health",
        "from 1 to 5",
        "nothing is recoded",
        "1 date(s)",
        "1 respondent(s)",
        "repeat",
    ):
        assert said in str(caught.value), said


def test_a_client_who_is_not_there_is_said_without_naming_others(study: Study) -> None:
    with pytest.raises(bip.ModelError, match=r"no client 'X1' with ratings; 300 clients") as caught:
        bip.progression.profile(study, "X1")
    assert not any(name in str(caught.value) for name in study.clients["client"][:50])
    with pytest.raises(bip.ModelError, match="has no column 'reaching_a_job'"):
        bip.progression.profile(study, "X1", instrument="SKAPA")
    with pytest.raises(bip.OptionError, match="names helth, no items of SKAPA"):
        bip.progression.profile(skapa(), 1, instrument="SKAPA", reliability={"helth": 0.7})
    with pytest.raises(bip.OptionError, match="one identifier, not list"):
        bip.progression.profile(skapa(), [1, 2], instrument="SKAPA")
    with pytest.raises(bip.OptionError, match=r"reliability=1\.5"):
        bip.progression.profile(skapa(), 1, instrument="SKAPA", reliability=1.5)


# --- the unit


def test_a_unit_counts_its_clients_and_hides_small_numbers(study: Study) -> None:
    found = bip.progression.unit_summary(study)
    known = found.table.dropna(subset=["improved", "unchanged", "declined"])
    assert (
        known[["improved", "unchanged", "declined"]].astype(int).sum(axis=1) == known["n"].astype(int)
    ).all()
    shown = found.table[["n", "improved", "unchanged", "declined"]].stack().dropna()
    assert ((shown == 0) | (shown >= LEAST)).all()
    few = bip.progression.unit_summary(skapa(clients=4), instrument="SKAPA")
    assert few.table["mean_first"].isna().all() and few.table["n"].isna().all()


def test_no_hidden_number_follows_from_the_others() -> None:
    """Of all numbers that add up to n, those behind what is shown differ in every place that is hidden."""
    assert _hide([0, 20, 9]) == [0, 20, 9] and _hide([1, 20, 1]) == [None] * 3 == _hide([3, 20, 0])
    for n in range(LEAST, 25):
        behind: dict[tuple[int | None, ...], list[tuple[int, int, int]]] = {}
        for up in range(n + 1):
            for down in range(n + 1 - up):
                counts = (up, n - up - down, down)
                behind.setdefault(tuple(_hide(list(counts))), []).append(counts)
        for shown, possible in behind.items():
            for place in (place for place in range(3) if shown[place] is None):
                assert len({counts[place] for counts in possible}) >= LEAST, (n, shown)


def test_a_unit_of_few_does_not_say_how_few() -> None:
    found = bip.progression.unit_summary(skapa(clients=3), instrument="SKAPA")
    assert "fewer than 5" in str(found.summary())
