"""surpyval as a second opinion: an implementation in Python that shares no code with R's or ours."""

import numpy as np
import pandas as pd
import pytest
import surpyval
from numpy.testing import assert_allclose
from references import frame

import bipstats as bip

SPELLS = dict(start="start", stop="stop", event="event")


@pytest.fixture(scope="module")
def heart():
    return frame("heart")


def told(rows: pd.DataFrame) -> dict[str, np.ndarray]:
    """Times, censoring flags and left truncation as surpyval names them."""
    x, event, entry = (rows[name].to_numpy(float) for name in ("stop", "event", "start"))
    return dict(x=x, c=1 - event, tl=entry)


def test_survival_with_delayed_entry(heart):
    table = bip.survival_curve(heart, **SPELLS).table
    other = surpyval.KaplanMeier.fit(**told(heart))
    assert_allclose(table["estimate"], other.sf(table["time"].to_numpy()), rtol=1e-12)


@pytest.mark.parametrize("ties", ["efron", "breslow"])
@pytest.mark.parametrize("strata", [None, "surgery"])
def test_cox_on_start_stop_rows(heart, ties, strata):
    covariates = ["age", "year", "transplant"]
    fit = bip.cox(" + ".join(covariates), heart, **SPELLS, ties=ties, strata=strata)
    other = surpyval.CoxPH.fit(
        Z=heart[covariates].to_numpy(float),
        tie_method=ties,
        strata=None if strata is None else heart[strata].to_numpy(),
        **told(heart),
    )
    assert_allclose(fit.params, other.params, rtol=1e-7, atol=1e-9)


def test_fine_gray_with_ties_in_time():
    rows = bip.simulate(clients=400, rng=3)
    people = bip.landmarks(rows, at="first").assign(weeks=lambda d: d["weeks"] // 8 * 8 + 8)
    people["exit"] = people["exit"].astype(str).where(people["exit"].isin(["job", "censored"]), "other")
    fit = bip.fine_gray(
        "age + caseworker_belief", people, start=None, stop="weeks", ties="breslow", id="client"
    )
    other = surpyval.FineGray.fit(
        people["weeks"].to_numpy(float),
        people[["age", "caseworker_belief"]].to_numpy(float),
        people["exit"].where(people["exit"] != "censored", None).to_numpy(object),
        event="job",
    )
    assert_allclose(fit.params, other.params, rtol=1e-6)


@pytest.mark.parametrize("rho", [0.0, 1.0])
def test_log_rank_with_delayed_entry_and_strata(heart, rho):
    found = bip.logrank(heart, by="transplant", strata="surgery", rho=rho, **SPELLS)
    times = told(heart)
    other = surpyval.logrank(
        times["x"], heart["transplant"].to_numpy(), times["c"], tl=times["tl"],
        strata=heart["surgery"].to_numpy(), weighting="log-rank" if rho == 0 else "fleming-harrington", rho=rho,
    )  # fmt: skip
    assert_allclose(found.statistic, other.statistic, rtol=1e-10)
