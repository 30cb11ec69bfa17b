"""Summaries and methods texts name the columns that a fit used besides its covariates."""

import numpy as np
import pandas as pd
import pytest

import bipstats as bip


def rows():
    draw = np.random.default_rng(4)
    n = 240
    return pd.DataFrame(
        {
            "start": draw.integers(0, 3, n),
            "stop": draw.integers(4, 9, n),
            "period": np.arange(n) % 3,
            "share": draw.choice([0.5, 1.0], n),
            "y": draw.integers(0, 2, n),
            "exit": draw.choice(["job", "pension", "censored"], n),
            "x": draw.normal(size=n),
            "group": np.arange(n) // 4,
            "many": 1.0 + np.arange(n) // 4 % 3,
            "shift": draw.normal(size=n) / 4,
        }
    )


MODELS = {
    "cox": (
        lambda d: bip.cox("x", d, event="y", weights="many", offset="shift"),
        ["weights         many", "offset          shift"],
        ["weighted by many", "with shift as an offset"],
    ),
    "logit": (
        lambda d: bip.logit("y ~ x", d, weights="many"),
        ["weights         many"],
        ["weighted by many"],
    ),
    "hazard": (
        lambda d: bip.hazard("x", d, event="y", exposure="share"),
        ["exposure        share"],
        ["exposure"],
    ),
    "conditional": (
        lambda d: bip.conditional_logit("y ~ x", d, groups="group", weights="many"),
        ["weights         many"],
        ["groups weighted by many"],
    ),
    "fine_gray": (
        lambda d: bip.fine_gray("x", d, weights="many"),
        ["case weights    many"],
        ["with case weights many"],
    ),
}


@pytest.mark.parametrize("model", MODELS)
def test_columns_besides_the_covariates_are_named(model):
    fit, in_summary, in_methods = MODELS[model]
    fit = fit(rows())
    for words in in_summary:
        assert words in str(fit)
    for words in in_methods:
        assert words in fit.methods_text()


def test_cox_says_why_fewer_rows_are_left():
    data = pd.DataFrame(
        {
            "id": [1, 1, 2, 3, 4, 5],
            "start": [0, 1, 0, 0, 8, 0],
            "stop": [1, 3, 2, 4, 9, 4],
            "event": [0, 1, 1, 0, 0, 0],
            "x": [1, 1, 0, 2, 1, 0],
        }
    )
    assert "in 4 after merging and leaving out those at risk at no event" in str(bip.cox("x", data, id="id"))
    apart = str(bip.cox("x", data))
    assert "in 4 after leaving out those at risk at no event" in apart and "merging" not in apart
