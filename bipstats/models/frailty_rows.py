"""From a frame to a shared-frailty problem: the Cox rows, their groups, and what no frailty can be had for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from bipstats.core.columns import Ints
from bipstats.core.design import Design
from bipstats.errors import ModelError
from bipstats.models.cox_rows import CoxRows, CoxSpecification, crossed_levels
from bipstats.models.cox_rows import prepare as prepare_cox
from bipstats.models.kernels.cox import RiskSets
from bipstats.models.kernels.frailty import FrailtyProblem, frailty_problem
from bipstats.models.kernels.frailty_variance import GAMMA_ML, LOGNORMAL_ML, LOGNORMAL_REML, Method

Distribution = Literal["gamma", "lognormal"]
Estimator = Literal["ml", "reml"]
METHODS: dict[tuple[Distribution, Estimator], Method] = {
    ("gamma", "ml"): GAMMA_ML,
    ("lognormal", "ml"): LOGNORMAL_ML,
    ("lognormal", "reml"): LOGNORMAL_REML,
}


@dataclass(frozen=True, slots=True)
class FrailtySpecification(CoxSpecification):
    """What was asked for; enough to prepare the same rows again."""

    group: str | Sequence[str]
    distribution: Distribution
    method: Estimator

    @property
    def fixed(self) -> list[str]:
        """Columns besides the covariates that must not change within merged rows."""
        offset = [] if self.offset is None else [self.offset]
        return [*self.group_columns, *self.strata_columns, *offset]

    @property
    def group_columns(self) -> list[str]:
        """Columns whose values, crossed, are the groups."""
        return [self.group] if isinstance(self.group, str) else list(self.group)

    @property
    def group_words(self) -> str:
        """The groups, for messages."""
        return " x ".join(self.group_columns)


@dataclass(frozen=True, slots=True)
class FrailtyRows:
    """Rows at risk in their groups, ready for the kernel.

    Attributes
    ----------
    cox : CoxRows
    problem : FrailtyProblem
        In centred and scaled covariates.
    levels : tuple
        Groups in the order of the problem's.
    """

    cox: CoxRows
    problem: FrailtyProblem
    levels: tuple[object, ...]


def prepare(spec: FrailtySpecification, data: pd.DataFrame, design: Design | None) -> FrailtyRows:
    """Check and merge the rows, code the groups, and refuse those that carry no frailty."""
    rows = prepare_cox(spec, data, "model", design)
    group, levels = crossed_levels(rows.data, spec.group_columns, "group=")
    problem = frailty_problem(rows.problem, group, METHODS[spec.distribution, spec.method].law)
    words = spec.group_words
    if len(levels) < 2:
        raise ModelError(
            f"a frailty by {words!r} needs several groups; the rows at risk are all of one. Its variance cannot be "
            "estimated: use bip.cox."
        )
    _refuse_strata(group, rows.problem.sets, words)
    _refuse_single_spells(problem, words, spec.event)
    return FrailtyRows(rows, problem, levels)


def _refuse_strata(group: Ints, sets: RiskSets, words: str) -> None:
    """Refuse groups that never meet: the strata's baseline hazards take up their frailties."""
    n_strata = len(sets.blocks) - 1
    lowest, highest = np.full(n_strata, len(group)), np.full(n_strata, -1)
    np.minimum.at(lowest, sets.stratum, group)
    np.maximum.at(highest, sets.stratum, group)
    if (lowest >= highest).all():
        raise ModelError(
            f"no stratum holds two groups of {words!r}: each stratum's own baseline hazard takes up the frailty of its "
            "group, and nothing is left to estimate. Leave strata= or the frailty out."
        )


def _refuse_single_spells(problem: FrailtyProblem, words: str, event: str) -> None:
    """Refuse groups that are one spell each with at most one event."""
    deaths, group, sets = problem.deaths, problem.group, problem.cox.sets
    if deaths.max() > 1:
        return
    order = np.lexsort((sets.first, group))
    together = (np.diff(group[order]) == 0) & (sets.first[order][1:] < sets.last[order][:-1])
    if together.any():
        return
    raise ModelError(
        f"a frailty by {words!r} cannot be used for {event!r}: every group is a single spell that ends in at most one "
        f"event ({int(deaths.sum()):,} events in {len(deaths):,} groups).\n"
        "  Nothing in such data tells a frailty from the course of the hazard; only the assumption of exactly "
        "proportional hazards would, and the variance measures departures from it.\n"
        "  Use groups with several members, or an outcome that recurs."
    )
