"""What the page draws: places on axes, steps of curves and marks, checked by hand."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from bipstats.replication.page.curves import at_ticks, caterpillar, step_curves
from bipstats.replication.page.strips import Axis, axis_over, scale_line, strip


def test_places_on_an_axis() -> None:
    linear = Axis(0.0, 0.4, (0.0, 0.2, 0.4))
    assert [linear.at(value) for value in (0.0, 0.1, 0.4, -1.0, 9.0)] == [0.0, 25.0, 100.0, 0.0, 100.0]
    ratio = Axis(0.5, 2.0, (0.5, 1.0, 2.0), 1.0, logarithmic=True)
    assert ratio.at(1.0) == 50.0
    assert ratio.at(0.5 * np.sqrt(2)) == 25.0


@pytest.mark.parametrize(
    "values", [[0.78, 1.32], [0.02, 30.0], [1.0], [1.01, 1.02, float("nan"), float("inf")]]
)
def test_a_ratio_axis_has_few_ticks_and_one_of_them_is_1(values: list[float]) -> None:
    axis = axis_over(values, reference=1.0, logarithmic=True)
    assert 1.0 in axis.ticks and len(axis.ticks) <= 7
    assert axis.low < 1.0 < axis.high
    assert all(axis.low <= tick <= axis.high for tick in axis.ticks)


@pytest.mark.parametrize("values", [[0.0, 0.482], [-0.057, 0.1], [0.0, 0.98], [0.3, 0.3], [0.0, 1e-4]])
def test_a_linear_axis_has_round_ticks(values: list[float]) -> None:
    axis = axis_over(values, reference=None)
    assert 3 <= len(axis.ticks) <= 8
    steps = np.diff(axis.ticks)
    digits = steps[0] / 10.0 ** np.floor(np.log10(steps[0]) + 1e-9)
    assert np.allclose(steps, steps[0]) and min(abs(digits - n) for n in (1, 2, 5, 10)) < 1e-6


def test_a_strip_has_interval_estimate_and_published_mark() -> None:
    axis = Axis(0.5, 2.0, (0.5, 1.0, 2.0), 1.0, logarithmic=True)
    drawn = strip(axis, 2.0**0.5, 1.0, 2.0, 0.5)
    assert '<line class="whisker estimate" x1="50.0%" x2="100.0%"' in drawn
    assert '<circle class="dot estimate" cx="75.0%"' in drawn
    assert re.search(r'<svg x="0.0%" y="50%"[^>]*><path class="diamond"', drawn)
    assert drawn.count('class="grid"') == 3 and drawn.count('class="reference"') == 1
    bare = strip(axis, float("nan"))
    assert "whisker" not in bare and "dot" not in bare and "diamond" not in bare
    assert ">½<" in scale_line(axis, ["½", "1", "2"])


def test_a_curve_moves_right_before_it_moves_up() -> None:
    frame = pd.DataFrame({"week": [0, 13, 26, 52], "incidence": [0.0, 0.1, 0.1, 0.2]})
    drawn = step_curves([(1, "1 <low>", frame)], Axis(0, 0.2, (0.0, 0.1, 0.2)), ["0", "10", "20"], "words")
    assert 'd="M0 100H0.00V100.00H25.00V50.00H100.00V0.00H100.00"' in drawn
    assert 'role="img" aria-label="words"' in drawn and "1 &lt;low&gt;" in drawn
    assert re.findall(r'class="week( half)?" y="20">(\d+)<', drawn) == [
        ("", "0"),
        (" half", "26"),
        ("", "52"),
    ]


def test_names_of_curves_that_end_together_keep_apart() -> None:
    ends = {1: 0.100, 2: 0.101, 3: 0.102, 4: 0.2}
    curves = [
        (level, str(level), pd.DataFrame({"week": [0, 52], "incidence": [0.0, end]}))
        for level, end in ends.items()
    ]
    drawn = step_curves(curves, Axis(0, 0.2, (0.0,)), ["0"], "words")
    places = [float(y) for y in re.findall(r'y="([\d.]+)%" overflow="visible"><text class="end', drawn)]
    assert len(places) == 4
    assert all(above - below >= 6.4 for below, above in zip(places[1:], places[:-1], strict=True))


def test_counts_at_the_ticks_are_those_still_there_and_incidences_those_reached() -> None:
    """Of the 40 before the exits of week 20 nine are left until week 60."""
    frame = pd.DataFrame({"week": [0.0, 20.0, 60.0], "incidence": [0.0, 0.1, 0.2], "at_risk": [50, 40, 9]})
    cells = at_ticks(frame, [0, 26, 52, 78])
    assert [cell and cell["at_risk"] for cell in cells] == [50, 9, 9, None]
    assert [cell and cell["incidence"] for cell in cells] == [0.0, 0.1, 0.1, None]


def test_a_caterpillar_has_a_bar_and_a_dot_for_each_and_one_line() -> None:
    rows = pd.DataFrame(
        {
            "adjusted": [0.0, 0.1],
            "conf_low": [0.0, 0.05],
            "conf_high": [0.1, 0.2],
            "shrunken": [0.05, 0.1],
        }
    )
    drawn = caterpillar(rows, Axis(0.0, 0.2, (0.0, 0.2), 0.1), ["0", "20"], "two caseworkers")
    assert '<path class="bars" d="M25.00 100.00V50.00M75.00 75.00V0.00"/>' in drawn
    assert '<path class="points" d="M25.00 100.00h0M75.00 50.00h0"/>' in drawn
    assert '<path class="shrunken" d="M25.00 75.00L75.00 50.00"/>' in drawn
    assert '<line class="reference" x1="0" x2="100%" y1="50%" y2="50%"/>' in drawn
