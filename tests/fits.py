"""One fit of every kind, which the tests of the contract and of the properties walk.

A new model is tested the day it is written: add one line to `FITS`. Everything else is read off signatures: which
covariances `with_vcov` takes, what `predict` predicts, whether there are weights, strata, times.
"""

from __future__ import annotations

import typing
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, lru_cache
from inspect import signature
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy.interpolate import CubicSpline
from scipy.special import expit
from walk import hints, literal

import bipstats as bip
from bipstats.core.covariance import Cluster, Vcov
from bipstats.core.result import Result
from bipstats.core.score_bootstrap import ScoreBootstrap
from bipstats.models.timing_of_events import TimingOfEventsResult

METHODS = (
    "tidy", "glance", "summary", "conf_int", "predict", "with_vcov", "wald", "plot", "plot_data", "to_json",
    "methods_text",
)  # fmt: skip
"""What every result of a model has, unless its case says that there is no such thing."""
CLIENTS = 101
"""Of one copy of the data: no count that a result may hold by right."""


@dataclass(frozen=True)
class Case:
    """One model with its arguments.

    Attributes
    ----------
    model : callable
        ``model(formula, data, **options)``.
    formula : str
    options : dict
    unit : str
        Column whose rows are one unit of robust errors; ``row`` where each is its own.
    added : callable, optional
        What stands in the linear predictor beside terms, by row of the data.
    columns : callable, optional
        ``columns(fit, data)`` gives the columns of terms that their names do not tell, by term.
    predicts : bool
        False where there is nothing to predict, because effects were absorbed.
    means : dict of str to callable, optional
        Kind of prediction to its function of the linear predictor, where `MEANS` does not have it.
    known : dict of str to callable
        Kind of prediction to what it is for a fit and data, where that is no function of the linear predictor alone.
    gives : str
        Class of the fit, by name, where the model's annotation has several and it is not the first.
    lacks : set of str
        Methods of `METHODS` that its result does not have, because there is no such thing.
    keeps_groups : bool
        Whether something is kept of every caseworker, so that the size is theirs; never of clients.
    exempt : set of str
        Names of properties (tests/test_properties.py) that do not hold for it.
    rtol : float
        To which two fits of one model to the same data agree.
    """

    model: Callable[..., Result]
    formula: str
    options: dict[str, Any] = field(default_factory=dict)
    unit: str = "row"
    added: Callable[[pd.DataFrame], pd.Series] | None = None
    columns: Callable[[Any, pd.DataFrame], dict[str, pd.Series]] = lambda fit, data: {}
    predicts: bool = True
    means: dict[str, Callable[[pd.Series], pd.Series]] = field(default_factory=dict)
    known: dict[str, Callable[[Any, pd.DataFrame], pd.Series]] = field(default_factory=dict)
    gives: str = ""
    lacks: frozenset[str] = frozenset()
    keeps_groups: bool = False
    exempt: frozenset[str] = frozenset()
    rtol: float = 1e-7

    def __call__(self, data: pd.DataFrame, **changed: Any) -> Result:
        return self.model(self.formula, data, **{**self.options, **changed})

    @property
    def result(self) -> Any:
        """Class of the fit, as the model's annotation says."""
        annotation = hints(self.model)["return"]
        several = typing.get_args(annotation) or (annotation,)
        return next(kind for kind in several if self.gives in ("", kind.__name__))

    @property
    def kinds(self) -> tuple[str, ...]:
        """What `predict` predicts, as its annotation says."""
        return () if "predict" in self.lacks else literal(hints(self.result.predict)["kind"])

    @property
    def arguments(self) -> set[str]:
        """Names of the model's arguments."""
        return set(signature(self.model).parameters)

    @property
    def timed(self) -> bool:
        """Whether the rows are pieces of time, (start, stop]."""
        return "stop" in self.arguments


def _spline(fit: Any, data: pd.DataFrame) -> dict[str, pd.Series]:
    """Natural cubic spline through one at a knot and zero at the others, linear beyond them."""
    inside = data["period"].clip(fit.knots[0], fit.knots[-1])
    curves = [CubicSpline(fit.knots, one, bc_type="natural") for one in np.eye(len(fit.knots))]
    values = [curve(inside) + curve(inside, 1) * (data["period"] - inside) for curve in curves]
    return {f"period spline[{k}]": values[k] for k in range(1, len(values))}


# The penalty is that of the data once, however often they count, and of all coefficients; its covariance is its own.
_PENALISED = frozenset(
    {
        "test_doubled_weights_keep_estimates_and_sandwich_and_halve_the_models_variance",
        "test_one_stratum_is_none",
        "test_one_cluster_per_unit_is_robust",
    }
)
# A likelihood that is integrated over intercepts is not that of copies in other groups, nor does it scale with weights;
# clusters hold groups whole; nothing is absorbed beside.
_MIXED = frozenset(
    {
        "test_a_weight_is_as_many_copies",
        "test_doubled_weights_keep_estimates_and_sandwich_and_halve_the_models_variance",
        "test_one_stratum_is_none",
    }
)


def _conditional_risk(fit: Any, data: pd.DataFrame) -> pd.Series:
    """Relative risk with the group's own frailty."""
    frailty = np.exp(fit.effects().set_index("level")["estimate"])
    return fit.predict(data, "relative_risk") * data["worker"].map(frailty)


def _timing_of_events(
    formula: str,
    data: pd.DataFrame,
    *,
    period: str = "period",
    vcov: Vcov = "model",
    missing: Literal["raise", "drop"] = "raise",
) -> TimingOfEventsResult:
    """One formula for both hazards, without types."""
    return bip.timing_of_events(
        formula, "x", data, mass_points=1, baseline=1, period=period, vcov=vcov, missing=missing
    )


_EXPOSED = dict(event="event", exposure="exposure")
_HAZARD = {"logit": expit, "cloglog": lambda eta: -np.expm1(-np.exp(eta))}
FITS = {
    "cox": Case(bip.cox, "x + u + C(g)", unit="client"),
    "cox, strata": Case(bip.cox, "x + u", dict(strata="s", vcov=bip.cluster("worker")), unit="client"),
    "cox, weights and offset": Case(
        bip.cox,
        "x + C(g)",
        dict(weights="w", offset="off", ties="breslow", vcov="robust"),
        unit="client",
        added=lambda data: data["off"],
    ),
    "fine_gray": Case(bip.fine_gray, "u + C(g)", dict(ties="breslow"), unit="client"),
    "frailty_cox": Case(
        bip.frailty_cox,
        "x + u",
        dict(group="worker"),
        unit="worker",
        lacks=frozenset({"with_vcov"}),
        known={"conditional": _conditional_risk},
        keeps_groups=True,
    ),
    "frailty_cox, log-normal": Case(
        bip.frailty_cox,
        "x + C(s)",
        dict(group="worker", distribution="lognormal", ties="breslow"),
        unit="worker",
        lacks=frozenset({"with_vcov"}),
        known={"conditional": _conditional_risk},
        keeps_groups=True,
    ),
    "hazard": Case(
        bip.hazard, "x + C(g)", _EXPOSED, unit="client", added=lambda data: np.log(data["exposure"])
    ),
    "hazard, logit": Case(bip.hazard, "x + u", dict(link="logit", vcov="robust"), unit="client"),
    "hazard, spline": Case(
        bip.hazard, "x + u", dict(baseline=2, event="exit == job"), unit="client", columns=_spline
    ),
    "hazard, absorbing": Case(
        bip.hazard, "x + u", dict(absorb="worker", vcov=bip.cluster("worker")), unit="client", predicts=False
    ),
    "hazard, mass points": Case(
        bip.hazard,
        "x + u",
        dict(heterogeneity="mass_points", mass_points=1, **_EXPOSED),
        unit="client",
        added=lambda data: np.log(data["exposure"]),
        means={"hazard": _HAZARD["cloglog"]},
        gives="MassPointResult",
        exempt=frozenset({"test_one_stratum_is_none"}),  # absorbed effects are intercepts too
    ),
    "piecewise_exponential": Case(
        bip.piecewise_exponential,
        "x + C(g)",
        dict(cuts=[4, 9]),
        unit="client",
        columns=lambda fit, data: {
            name: 0.0 * data["x"] for name in fit.params.index if name not in fit.design.names
        },
        exempt=frozenset({"test_the_origin_of_time_does_not_matter"}),  # cuts are times since zero
    ),
    "timing_of_events": Case(
        _timing_of_events, "x + u", unit="client", lacks=frozenset({"predict"}), predicts=False
    ),
    "logit": Case(bip.logit, "y ~ x + C(g) + x:u"),
    "logit, weights": Case(bip.logit, "y ~ x + u", dict(weights="w", vcov=bip.cluster("client", "worker"))),
    "logit, absorbing": Case(bip.logit, "y ~ x + C(g)", dict(absorb=["worker", "s"]), predicts=False),
    "logit, penalised": Case(bip.logit, "y ~ x + C(g)", dict(penalty="firth"), exempt=_PENALISED),
    "conditional_logit": Case(bip.conditional_logit, "y ~ x + C(h)", dict(groups="client"), unit="client"),
    "conditional_logit, weights": Case(
        bip.conditional_logit, "y ~ x", dict(groups="client", weights="w", vcov="robust"), unit="client"
    ),
    "mixed_logit": Case(
        bip.mixed_logit,
        "event ~ x + C(g)",
        dict(random="worker", vcov="robust"),
        unit="worker",
        means={"population": lambda eta: _over_intercepts("mixed_logit", eta)},
        keeps_groups=True,
        exempt=_MIXED,
    ),
    "mixed_logit, weights": Case(
        bip.mixed_logit,
        "event ~ x",
        dict(random=["period", "worker"], weights="w"),
        unit="worker",
        means={"population": lambda eta: _over_intercepts("mixed_logit, weights", eta)},
        keeps_groups=True,
        exempt=_MIXED | {"test_one_cluster_per_unit_is_robust"},  # crossed: no unit is independent
    ),
    "hazard, random": Case(
        bip.hazard,
        "x + u",
        _EXPOSED | dict(random="worker"),
        unit="worker",
        added=lambda data: np.log(data["exposure"]),
        means={"population": lambda eta: _over_intercepts("hazard, random", eta)},
        gives="MixedHazardResult",
        keeps_groups=True,
        exempt=_MIXED,
    ),
    "ols": Case(bip.ols, "score ~ x + C(g) + x:u"),
    "ols, weights": Case(bip.ols, "score ~ x + u", dict(weights="w", vcov=bip.cluster("worker"))),
    "ols, absorbing": Case(bip.ols, "score ~ x + C(g)", dict(absorb="worker"), predicts=False),
}

MEANS: dict[str, Callable[[pd.Series], pd.Series]] = {
    "relative_risk": np.exp,
    "odds_ratio": np.exp,
    "probability": expit,
    "mean": lambda eta: eta,
}
"""Kind of prediction to its function of the linear predictor, where there is one; that of hazards is their link's."""


def _over_intercepts(name: str, eta: pd.Series) -> pd.Series:
    """Mean of the outcome over normal intercepts with the standard deviation of a case's fit, on a fine grid."""
    fit: Any = fitted(name)
    sd, z = float(np.sqrt((fit.random["sd"] ** 2).sum())), np.linspace(-9, 9, 4001)
    given = _HAZARD[FITS[name].options.get("link", "cloglog") if "hazard" in name else "logit"]
    density = np.exp(-(z**2) / 2) / np.exp(-(z**2) / 2).sum()
    return pd.Series([float(given(one + sd * z) @ density) for one in eta], eta.index)


def rows(copies: int = 1, *, clients: int = CLIENTS, seed: int = 20) -> pd.DataFrame:
    """Clients with two to four touching rows each; columns for every model.

    ``u, g, w, s, worker, exit`` are the client's, ``x, h, off, y, score, treated`` the row's; ``w`` is 1 or 2,
    ``event`` is 1 in the last row of those who find a job. Copies are other clients of other caseworkers.
    """
    return _rows(copies, clients, seed).copy()


@lru_cache(maxsize=8)
def _rows(copies: int, clients: int, seed: int) -> pd.DataFrame:
    draw = np.random.default_rng(seed)
    size = draw.integers(2, 5, clients)
    who, n = np.repeat(np.arange(clients), size), int(size.sum())
    end = np.cumsum(size)
    period = np.arange(n) - np.repeat(end - size, size)
    length = draw.integers(1, 6, n)
    total = np.cumsum(length)
    stop = total - np.repeat(total[end - 1] - np.add.reduceat(length, end - size), size)
    exit = draw.choice(["job", "job", "pension", "censored"], clients)[who]
    exit[np.arange(n) != end[who] - 1] = "censored"
    x, u = draw.normal(size=n), draw.normal(size=clients)[who]
    score = 0.3 * x + 0.2 * u + draw.normal(size=n)
    data = {
        "period": period,
        "start": stop - length,
        "stop": stop,
        "exit": exit,
        "event": (exit == "job").astype(int),
        "x": x,
        "u": u,
        "g": draw.choice(["north", "east", "south"], clients)[who],
        "h": draw.choice(["yes", "no"], n),
        "s": draw.integers(0, 2, clients)[who],
        "w": draw.integers(1, 3, clients)[who].astype(float),
        "off": 0.2 * draw.normal(size=n),
        "exposure": draw.choice([0.25, 0.5, 1.0], n),
        "score": score,
        "y": (score > 0).astype(int),
    }
    worker = draw.permutation(np.arange(clients) % 6)[who]
    data["treated"] = (period >= draw.integers(1, 4, clients)[who]).astype(int)
    copy = np.repeat(np.arange(copies), n)
    found = pd.DataFrame({name: np.tile(values, copies) for name, values in data.items()})
    found["client"] = [f"person-{k:05d}" for k in np.tile(who, copies) + clients * copy]
    found["worker"] = [f"worker-{k:04d}" for k in np.tile(worker, copies) + 6 * copy]
    found["row"] = np.arange(len(found))
    return found


@cache
def fitted(name: str, copies: int = 1) -> Result:
    """The fit of a case to `rows`, whose copies have the same caseworkers where something is kept of each."""
    case, data = FITS[name], rows(copies)
    if case.keeps_groups:
        data["worker"] = [f"worker-{int(worker[-4:]) % 6:04d}" for worker in data["worker"]]
    return case(data)


def requests(case: Case) -> dict[str, Any]:
    """Covariances that `with_vcov` takes, as its annotation says: every choice, and clusters of all sorts."""
    if "with_vcov" in case.lacks:
        return {}
    annotation = hints(case.result.with_vcov)["vcov"]
    found: dict[str, Any] = {str(choice): choice for choice in literal(annotation)}
    parts = typing.get_args(annotation)
    if Cluster in parts:
        found |= {"clusters": bip.cluster("worker"), "two ways": bip.cluster("client", "worker")}
        found |= {kind: bip.cluster("worker", small_sample=kind) for kind in ("CR1S", "CR2", "jackknife")}
    if ScoreBootstrap in parts:
        found["score bootstrap"] = bip.score_bootstrap("worker", draws=99, rng=1)
    return found


def by_hand(case: Case, fit: Result, kind: str, data: pd.DataFrame) -> pd.Series | None:
    """Predictions made of the tidy table alone, term by term; None where a kind is no function of the row."""
    if kind in case.known:
        return case.known[kind](fit, data)
    mean = {**MEANS, "hazard": _HAZARD.get(str(fit.link)), **case.means}.get(kind)
    if mean is None:
        return None
    special = case.columns(fit, data)
    eta = sum(
        value * (special[term] if term in special else _column(term, data))
        for term, value in fit.params.items()
    )
    return mean(eta if case.added is None else eta + case.added(data))


def _column(term: object, data: pd.DataFrame) -> pd.Series:
    """Column of a term, as its name says."""
    found = pd.Series(1.0, index=data.index)
    for part in [] if term == "Intercept" else str(term).split(":"):
        name, _, level = part.rstrip("]").partition("[")
        found = found * (data[name].astype(str) == level if level else data[name])
    return found
