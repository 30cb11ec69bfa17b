"""A background column that nobody has a value of leaves nobody out: it is as if all were alike in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

import bipstats as bip
from bipstats.core.columns import with_values

COLUMN = "convicted"
WORDS = f"without a value of {COLUMN}, which nobody has and nothing uses"

ANALYSES: dict[str, tuple[Callable[[bip.Study], Any], str]] = {
    "contrast": (lambda study: bip.interventions.contrast(study, rng=1), "designs"),
    "first start": (lambda study: bip.interventions.first_start_effect(study, draws=20, rng=1), "table"),
    "decomposition": (lambda study: bip.interventions.through_progression(study, draws=20, rng=1), "table"),
    "orientation": (lambda study: bip.caseworkers.orientation(study), "table"),
    "orientation effect": (
        lambda study: bip.caseworkers.orientation_effect(study, draws=20, rng=1, progress=False),
        "table",
    ),
    "value added": (lambda study: bip.caseworkers.value_added(study, draws=5, rng=1), "table"),
    "short scale": (lambda study: bip.progression.short_scale(study, rng=1), "table"),
}


def _study(value: object) -> bip.Study:
    study = bip.simulate(clients=1500, rng=3)
    column = pd.array([value] * len(study.clients), dtype="boolean")
    return replace(study, clients=study.clients.assign(**{COLUMN: column}))


@pytest.fixture(scope="module")
def empty() -> bip.Study:
    return _study(pd.NA)


@pytest.fixture(scope="module")
def alike() -> bip.Study:
    return _study(False)


@pytest.mark.parametrize("name", ANALYSES)
def test_nobody_is_left_out_and_it_is_said(name: str, empty: bip.Study, alike: bip.Study) -> None:
    analyse, table = ANALYSES[name]
    found, wanted = analyse(empty), analyse(alike)
    assert_frame_equal(getattr(found, table), getattr(wanted, table))
    assert WORDS in _told(found) and WORDS not in _told(wanted)


def _told(result: Any) -> str:
    """What a result says of the rows it used, on one line."""
    return " ".join(f"{result.summary()} {getattr(result, 'flow', '')}".split())


def test_columns_with_values_and_the_others_counted() -> None:
    rows = pd.DataFrame({"a": [1.0, None], "b": [None, None], "c": ["x", "y"]})
    kept, flow = with_values(rows, ("a", "b", "c"))
    assert kept == ["a", "c"] and flow == {"without a value of b, which nobody has and nothing uses": 2}
    assert with_values(rows.iloc[:0], ("a", "b")) == (["a", "b"], {})
