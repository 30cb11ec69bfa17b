"""One step more of the caseworker's belief in this client, and entry into job or education."""

from __future__ import annotations

from typing import Any

import pandas as pd

import bipstats as bip

from ..data import BELIEF, StudyData
from ..row import Quantities, Row
from ..take import known, logged, term, truth

RIGHT = bip.formula("indicators", "background", "jobcentre")
WITHOUT_CENTRES = bip.formula("indicators", "background")
ORACLE = "prospects + background + caseworker_effect + switch_decay + C(jobcentre)"

STUDIES = ("E2", "N2", "H", "F", "S", "RTM")
BOTH = ("E2", "N2")
CAUSE = ("E2", "N2", "RTM")
"""Worlds in which belief is all of the cause: elsewhere the true hazard's regressors are collinear."""
FIXED = ("E2", "N2", "E2 fixed", "N2 fixed")

EFFECT = truth("belief_effect", "log hazard")
RISK_RATIO = truth("belief_effect", "risk ratio, 52 weeks", log=True)
ODDS_RATIO = truth("belief_effect", "odds ratio, 52 weeks", log=True)


def _hazard(rows: pd.DataFrame, right: str, vcov: Any, **more: Any) -> Any:
    return bip.hazard(right, rows, exposure="exposure", vcov=vcov, missing="drop", **more)


def reference(data: StudyData) -> Quantities:
    """The reference analysis, with three ways to errors."""
    fit = _hazard(data.periods, RIGHT, bip.cluster("caseworker"))
    found = {"clustered by caseworker": term(fit, BELIEF)}
    for name in ("model", "robust"):
        found[f"errors: {name}"] = term(fit.with_vcov(name, data.periods), BELIEF)
    return found


def few_clusters(data: StudyData) -> Quantities:
    """Without effects of job centres, clustered by the ten of them; a smooth baseline.

    With an effect per quarter the jackknife refuses studies where one centre alone has a quarter's entries.
    """
    fit = _hazard(data.periods, WITHOUT_CENTRES, bip.cluster("jobcentre"), baseline=4)
    found = {"sandwich": term(fit, BELIEF)}
    for choice in ("CR2", "jackknife"):
        vcov = bip.cluster("jobcentre", small_sample=choice)
        found[choice] = term(fit.with_vcov(vcov, data.periods), BELIEF)
    return found


def fresh(data: StudyData) -> Quantities:
    """Answers of the last quarter only."""
    return {"log hazard ratio": term(_hazard(data.fresh, RIGHT, bip.cluster("caseworker")), BELIEF)}


def cox(data: StudyData) -> Quantities:
    """Cox's model on the weeks."""
    fit = bip.cox(RIGHT, data.spells, vcov=bip.cluster("caseworker"), missing="drop")
    return {"log hazard ratio": term(fit, BELIEF)}


def oracle(data: StudyData) -> Quantities:
    """The true hazard's own regressors, which no study has."""
    fit = _hazard(data.oracle, f"true_belief + {ORACLE}", "model")
    return {
        "belief": term(fit, "true_belief"),
        "switch, at once": term(fit, "switch_decay"),
        "caseworker's effect": term(fit, "caseworker_effect"),
    }


def oracle_cox(data: StudyData) -> Quantities:
    """The same in Cox's model, which needs no convention for the time at risk of a quarter with an event."""
    fit = bip.cox(f"true_belief + {ORACLE}", data.oracle)
    return {"belief": term(fit, "true_belief"), "caseworker's effect": term(fit, "caseworker_effect")}


def oracle_answer(data: StudyData) -> Quantities:
    """The answer in the place of belief, all else as it is: what noise in the answer does."""
    fit = _hazard(data.oracle, f"{BELIEF} + {ORACLE}", "model")
    return {"belief": term(fit, BELIEF)}


def oracle_items(data: StudyData) -> Quantities:
    """True belief among answered items: what noise in the items does."""
    items = RIGHT.replace(f"{BELIEF} + ", "")
    fit = _hazard(data.oracle, f"true_belief + {items} + caseworker_effect + switch_decay", "model")
    return {"belief": term(fit, "true_belief")}


def one_year(data: StudyData) -> Quantities:
    """Entry within 52 weeks of the first measurement: logit, and the risk ratio that it implies."""
    rows = data.first_year
    fit = bip.logit(f"entered ~ {RIGHT}", rows, vcov=bip.cluster("caseworker"), missing="drop")
    ratio = bip.margins(fit, rows, BELIEF, scale="risk_ratio", missing="drop").tidy().iloc[0]
    columns = ratio[["estimate", "std_error", "conf_low", "conf_high"]]
    return {"log odds ratio": term(fit, BELIEF), "log risk ratio": logged(*map(float, columns))}


def risk(data: StudyData) -> Quantities:
    """Cumulative incidence from the first measurement, belief one step up, other exits competing."""
    rows = data.first_year
    fits = {
        way: bip.cox(
            WITHOUT_CENTRES,
            rows,
            start=None,
            stop="weeks",
            event=f"way == {way}",
            vcov=bip.cluster("caseworker"),
            missing="drop",
        )
        for way in ("entry", "other")
    }
    table = bip.risk(fits, rows, horizon=52, at={BELIEF: "+1"}, missing="drop").table
    ratio = table[(table["exit"] == "entry") & (table["quantity"] == "ratio")].iloc[0]
    columns = ratio[["estimate", "std_error", "conf_low", "conf_high"]]
    return {"log risk ratio": logged(*map(float, columns))}


def change_since_first(data: StudyData) -> Quantities:
    """First answer and change since, by `within_between`, the past only."""
    rows = bip.within_between(data.periods, BELIEF, id="client")
    right = RIGHT.replace(BELIEF, f"{BELIEF}_first + {BELIEF}_change")
    fit = _hazard(rows, right, bip.cluster("caseworker"))
    return {"first answer": term(fit, f"{BELIEF}_first"), "change since": term(fit, f"{BELIEF}_change")}


def _effects(*names: str) -> dict[str, Any]:
    return dict.fromkeys(names, EFFECT)


ROWS = (
    Row(
        "belief, reference",
        (*STUDIES, "E2 fixed", "N2 fixed"),
        reference,
        _effects("clustered by caseworker", "errors: model", "errors: robust"),
    ),
    Row(
        "belief, ten clusters",
        FIXED,
        few_clusters,
        _effects("sandwich", "CR2", "jackknife"),
        every=4,
        large=40_000,
    ),
    Row("belief, fresh answers", BOTH, fresh, _effects("log hazard ratio")),
    Row("belief, Cox", BOTH, cox, _effects("log hazard ratio")),
    Row("belief, change since first", BOTH, change_since_first, _effects("first answer", "change since")),
    Row(
        "belief, one year, logit",
        STUDIES,
        one_year,
        {"log odds ratio": ODDS_RATIO, "log risk ratio": RISK_RATIO},
    ),
    Row("belief, one year, competing exits", BOTH, risk, {"log risk ratio": RISK_RATIO}),
    Row(
        "oracle, true regressors",
        CAUSE,
        oracle,
        {
            "belief": EFFECT,
            "switch, at once": truth("switch_effect", "log hazard"),
            "caseworker's effect": known(1.0),
        },
    ),
    Row(
        "oracle, true regressors, Cox",
        BOTH,
        oracle_cox,
        {"belief": EFFECT, "caseworker's effect": known(1.0)},
    ),
    Row("oracle, answer for belief", CAUSE, oracle_answer, _effects("belief")),
    Row("oracle, answers for items", CAUSE, oracle_items, _effects("belief")),
)
