"""The effect of a change of caseworker on the way to a job."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from bipstats.caseworkers.switch_draw import disruption_and_draw, disruption_by_intercepts
from bipstats.caseworkers.switch_models import (
    Part,
    by_kind,
    departure_study,
    event_study,
    ever_against_never,
    first_and_later,
    time_varying,
)
from bipstats.caseworkers.switch_result import SwitchEffect
from bipstats.caseworkers.switch_risk import risk_after
from bipstats.caseworkers.switch_rows import SwitchRows, switch_rows
from bipstats.core.covariance import Cluster, Vcov, check_vcov, cluster
from bipstats.core.estimates import check_level
from bipstats.errors import ModelError, ModelWarning, OptionError, check_option
from bipstats.register.outcomes import ENTRIES, Outcome, check_weeks

if TYPE_CHECKING:
    from bipstats.study.study import Study

CASEWORKER: Cluster = cluster("caseworker")
HAZARDS: tuple[tuple[str, Callable[[SwitchRows, Vcov], Part]], ...] = (
    ("after a change", time_varying),
    ("first and later", first_and_later),
    ("departures apart", by_kind),
    ("quarters since", event_study),
    ("quarters around a departure", departure_study),
    ("disruption and draw", disruption_and_draw),
    ("disruption by intercepts", disruption_by_intercepts),
    ("naive", ever_against_never),
)


def switch_effect(
    study: Study,
    *,
    outcome: Outcome = "job",
    horizon: int = 52,
    departures: Mapping[str, object] | None = None,
    departure_clients: int = 3,
    vcov: Vcov = CASEWORKER,
    level: float = 0.95,
) -> SwitchEffect:
    r"""Estimate what a change of caseworker does to the chance of an entry.

    Parameters
    ----------
    study : Study
    outcome : {"job", "job_or_education", "education"}
        What counts as entry.
    horizon : int
        Weeks after a landmark for the risks.
    departures : mapping, optional
        Caseworker to date of leaving, from the employer's records. Without it departures are told from the
        assignments.
    departure_clients : int
        Clients who must be handed over in the last week of a caseworker's assignments for it to be a departure.
    vcov : {"model", "robust"}, bip.cluster(...) or bip.score_bootstrap(...)
        Errors of the hazards; the risks are clustered by caseworker and client.
    level : float, default 0.95

    Returns
    -------
    SwitchEffect
        ``table`` has the parts: ``after a change`` (one permanent step after the first change), ``first and later``,
        ``departures apart``, ``quarters since`` the last change, ``quarters around a departure``, ``disruption and
        draw``, ``disruption by intercepts``, ``risk from a landmark``, and ``naive``, which must not be used.

    Raises
    ------
    ModelError
        Nobody changes caseworker while at risk, or nobody enters. A part that alone cannot be estimated is listed with
        the reason in the summary, and the others are given.
    OptionError

    Warns
    -----
    ModelWarning
        Assignments without a caseworker's id, which are left out.

    Notes
    -----
    **Exposure** is the state of each week, never of the client: a change in week w counts from w + 1 on. Comparing
    clients who ever change with those who never do gives weeks before the change to the changed, in which they cannot
    have entered (immortal time). Hazards are complementary log-log in quarters, given the first answers of both raters,
    background, job centre and quarter; later answers may be effects of the change. Other exits compete: a
    cause-specific hazard is no risk, and the risks are taken from landmarks every 26 weeks, a change within the last 26
    weeks against none so far.

    **A permanent step** averages an effect that fades with weight on the weeks at risk. ``quarters since`` shows its
    course, and its mean over the weeks at risk after a change.

    **Leads.** Who is seen to change individually has, until then, not entered; the hazard before an individual
    change is zero by construction, and no placebo. A departure has a date of the caseworker's own, which holds for
    everybody in the caseload, whoever has entered by then: hazards in the quarters before it are defined and should be
    one. Detection needs `departure_clients` clients still there: who leaves fewer is not seen to leave; dates in
    `departures` have no such limit.

    **Disruption and draw.** With the effectiveness q of the new and the first caseworker read from their other clients,
    :math:`\log h = \ldots + \delta\,\text{changed} + \beta_0 q_\text{first} + \beta (q_\text{now} - q_\text{first})`;
    :math:`\delta` is a change to one just as effective, and the draw is :math:`\beta` times the mean difference. With
    ``disruption by intercepts`` caseworkers have normal intercepts instead. The step without either comes out nearer
    one than the disruption even if caseworkers are drawn alike, as those still there have the less effective ones.

    References
    ----------
    Suissa, S. (2008). Immortal time bias in pharmacoepidemiology. *American Journal of Epidemiology*.
    Hernán, M. A. (2010). The hazards of hazard ratios. *Epidemiology*.
    van Houwelingen, H. (2007). Dynamic prediction by landmarking in event history analysis. *Scand. J. Statist.*
    Chetty, R., Friedman, J. & Rockoff, J. (2014). Measuring the impacts of teachers I. *American Economic Review*.

    Examples
    --------
    >>> import bipstats as bip
    >>> found = bip.caseworkers.switch_effect(bip.load_synthetic())
    >>> found.table.query("part == 'after a change'")["term"].tolist()
    ['after a first change']
    """
    check_option("outcome", outcome, tuple(ENTRIES))
    check_weeks("horizon", horizon)
    check_vcov(vcov)
    check_level(level)
    _check_count(departure_clients)
    rows = switch_rows(study, outcome, least=departure_clients, departures=departures)
    check_rows(rows)
    parts: list[Part] = []
    without: list[tuple[str, str]] = []
    for name, estimate in HAZARDS:
        try:
            parts.append(estimate(rows, vcov))
        except ModelError as problem:
            without.append((name, str(problem)))
    try:
        parts.extend(risk_after(study, rows.moves, outcome, horizon, rows.first))
    except ModelError as problem:
        without.append(("risk from a landmark", str(problem)))
    if not parts:
        raise ModelError(f"no part can be estimated: {without[0][1]}")
    return SwitchEffect(tuple(parts), tuple(without), rows.windows, rows.flow, unseen(rows), outcome, level)


def unseen(rows: SwitchRows) -> int:
    """Weeks before a change that came, in which nobody can have entered."""
    waiting = (rows.spells["ever"] == 1) & (rows.spells["switched"] == 0)
    return int((rows.spells["stop"] - rows.spells["start"])[waiting].sum())


def check_rows(rows: SwitchRows) -> None:
    """Refuse studies in which nothing can be seen, and warn of assignments without an id."""
    flow, spells = rows.flow, rows.spells
    if rows.moves.unknown:
        warnings.warn(
            f"{rows.moves.unknown:,} assignments name no caseworker and are left out, with "
            f"{flow['weeks at risk without a caseworker, left out']:,} weeks at risk and "
            f"{flow['entries without a caseworker, left out']:,} entries. Look at "
            "study.assignments[study.assignments['caseworker'].isna()].",
            ModelWarning,
            stacklevel=3,
        )
    if not len(spells):
        raise ModelError("no client is at risk after a first answer under a known caseworker.")
    if not spells["switched"].any():
        raise ModelError(
            f"no client changes caseworker while at risk: {flow['changes of caseworker']:,} changes in the study, "
            f"{spells['client'].nunique():,} clients at risk under {flow['caseworkers']:,} caseworkers, "
            f"{flow['job centres with one caseworker']:,} job centres with one caseworker. Look at study.assignments: "
            "a change is a later assignment of the client to another caseworker, after the week of enrolment."
        )
    if not spells["event"].any():
        raise ModelError(
            f"no client entered in {int((spells['stop'] - spells['start']).sum()):,} weeks at risk after a first "
            "answer."
        )


def _check_count(value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise OptionError(
            f"departure_clients={value!r} is not a number of clients; give a whole number >= 1."
        )
