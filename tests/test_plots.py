"""Every plot of every result: three languages, a style that touches nothing global, words that can be read."""

from __future__ import annotations

import inspect
import itertools
import re
from functools import cache
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from fits import FITS, fitted
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.text import Text
from test_contract_results import RESULTS, made

import bipstats as bip
from bipstats.codebook import INDICATORS, LANGUAGES, label
from bipstats.codebook.files import load
from bipstats.codebook.labels import level_label, percent, plot_word, term_label
from bipstats.plotting import COLOURS, ratio_axis

OWN = {"progression.profile", "progression.unit_summary", "compare_fits", "compare_fits, linear"}
"""Results that have a language of their own, which their plots speak unless told otherwise."""
_RAW = re.compile(r"\w+_\w+|\w\[\w+\]|\{|\bnan\b")


@cache
def result(name: str) -> Any:
    return fitted(name.removeprefix("fit: ")) if name.startswith("fit: ") else made(name)


def plots(name: str) -> dict[str, Any]:
    """Every plot of a result, ready to be called with `ax` and `lang`."""
    one = result(name)
    found = {
        key: getattr(one, key) for key in dir(one) if re.fullmatch(r"plot(_\w+)?", key) and key != "plot_data"
    }
    if "plot_item" in found:
        draw = found["plot_item"]
        found["plot_item"] = lambda ax=None, **more: draw(one.items[0], ax, **more)
    if "plot_overlap" in found:
        across = found["plot_overlap"]
        found["plot_overlap"] = lambda ax=None, **more: across(ax=ax, **more)
    return found


def texts(axes: Axes) -> list[Text]:
    """Every text that is shown and says something."""
    figure = axes.get_figure()
    figure.canvas.draw()
    found = [one for one in figure.findobj(Text) if one.get_visible() and one.get_text().strip()]
    low, high = sorted(axes.get_xlim())
    hidden = {  # ticks beyond the limits are made, and not drawn
        id(tick.label1)
        for axis, ends in ((axes.xaxis, (low, high)), (axes.yaxis, tuple(sorted(axes.get_ylim()))))
        for tick in (*axis.get_major_ticks(), *axis.get_minor_ticks())
        if not ends[0] - 1e-9 <= tick.get_loc() <= ends[1] + 1e-9
    }
    return [one for one in found if id(one) not in hidden]


every = pytest.mark.parametrize("name", [*RESULTS, "replicate", *(f"fit: {name}" for name in FITS)])


@every
def test_axes_go_in_and_come_out_in_every_language_and_nothing_global_changes(name):
    settings, open_figures = dict(mpl.rcParams), plt.get_fignums()
    for draw in plots(name).values():
        for lang in LANGUAGES:
            axes = Figure().subplots()
            assert draw(axes, lang=lang) is axes and draw(lang=lang).get_figure() is not axes.get_figure()
        with pytest.raises(bip.OptionError, match=r"^lang='no'"):
            draw(lang="no")
    assert dict(mpl.rcParams) == settings and plt.get_fignums() == open_figures


@every
def test_the_default_language_is_english_or_the_results_own(name):
    parameter = inspect.signature(result(name).plot).parameters["lang"]
    assert parameter.kind is parameter.KEYWORD_ONLY
    assert parameter.default == (None if name in OWN else "en")


@every
@pytest.mark.parametrize("lang", LANGUAGES)
def test_words_are_words_within_the_picture_and_apart(name, lang):
    for key, draw in plots(name).items():
        axes = draw(lang=lang)
        shown, figure = texts(axes), axes.get_figure()
        said = [one.get_text() for one in shown]
        assert said and not [text for text in said if _RAW.search(text)], key
        if lang != "en":
            assert not [text for text in said if re.search(r"\d\.\d", text)], key
        boxes = [one.get_window_extent() for one in shown]
        whole = figure.bbox
        cut = [
            text
            for text, box in zip(said, boxes, strict=True)
            if box.x0 < whole.x0 - 1
            or box.y0 < whole.y0 - 1
            or box.x1 > whole.x1 + 1
            or box.y1 > whole.y1 + 1
        ]
        assert cut == [], key
        pairs = itertools.combinations(zip(said, boxes, strict=True), 2)
        assert [(a, b) for (a, one), (b, two) in pairs if _overlap(one, two)] == [], key


def _overlap(one: Any, two: Any) -> bool:
    """Whether two boxes share more than a hair."""
    wide = min(one.x1, two.x1) - max(one.x0, two.x0)
    high = min(one.y1, two.y1) - max(one.y0, two.y0)
    return bool(wide > 2 and high > 2)


def test_the_codebooks_labels_stand_at_its_terms():
    study = bip.simulate(clients=300, rng=2)
    rows = bip.landmarks(study, at=0, horizon=52)
    fit = bip.ols("entered ~ job_search_client + sex + age", rows)
    for lang in LANGUAGES:
        ticks = [text.get_text().replace("\n", " ") for text in fit.plot(lang=lang).get_yticklabels()]
        assert ticks == [term_label(term, lang) for term in fit.plot_data()["term"]]
        assert label("job_search_client", lang) in ticks
        items = made("progression.change").plot(lang=lang)
        ticks = [text.get_text().replace("\n", " ") for text in items.get_yticklabels()]
        assert set(ticks) <= {label(name, lang) for name in INDICATORS}


def test_every_word_of_a_figure_is_there_in_every_language():
    for section in ("plot", "said"):
        for key, words in load("labels")[section].items():
            assert set(words) == set(LANGUAGES) and all(words.values()), key
            assert len({tuple(sorted(re.findall(r"\{\w+\}", text))) for text in words.values()}) == 1, key


def test_words_are_filled_in():
    assert plot_word("survival_axis", level=0.95) == "Survival, 95% CI"
    assert plot_word("survival_axis", "sv", level=0.9) == "Överlevnad, 90 % KI"
    assert percent(2 * 0.95 - 1) == "90%"
    assert level_label("job only", "sv") == "Endast jobbfokuserat" and level_label("mine", "sv") == "mine"
    assert level_label("hazard ratio") == "hazard ratio"
    assert term_label("job only - none", "da") == "Kun jobrettet − Ingen indsats"


def _seen(colour: str, matrix: np.ndarray) -> np.ndarray:
    """A colour as someone sees it who lacks one kind of cone, in linear RGB."""
    value = np.array(to_rgb(colour))
    linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    return np.clip(matrix @ linear, 0, 1)


@pytest.mark.parametrize(
    "matrix",
    [  # Machado, Oliveira & Fernandes (2009), severity 1: protanopia, deuteranopia, tritanopia
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
    ],
)
def test_colours_are_told_apart_without_one_kind_of_cone(matrix):
    for one, two in itertools.combinations(COLOURS, 2):
        assert np.linalg.norm(_seen(one, np.array(matrix)) - _seen(two, np.array(matrix))) > 0.06, (one, two)


@pytest.mark.parametrize("name", [*RESULTS])
def test_no_colour_is_from_outside_the_palette(name):
    greys = {"#1c2025", "#888888", "#dddddd", "#bbbbbb", "#9aa1a9", "#d5d8dc", "#e7e9ec", "#000000"}
    known = {to_rgb(colour) for colour in (*COLOURS, *greys)}
    for draw in plots(name).values():
        axes = draw()
        drawn = [line.get_color() for line in axes.get_lines()]
        drawn += [tuple(row[:3]) for part in axes.collections for row in part.get_facecolor()]
        assert {to_rgb(colour) for colour in drawn} <= known


def test_ratio_axes_have_plain_numbers_with_the_languages_mark():
    for vertical in (False, True):
        axes = Figure().subplots()
        axes.plot([0.5, 2.0], [0.5, 2.0])
        ratio_axis(axes, "sv", vertical=vertical)
        axis = axes.yaxis if vertical else axes.xaxis
        assert axis.get_major_formatter()(0.5, 0) == "0,5" and axis.get_scale() == "log"
