"""A simulated study with the frames that its estimators share, each made once and only if it is needed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

import bipstats as bip
from bipstats.codebook.calendar import week_index
from bipstats.replication.frames import QUARTER, Prepared

BELIEF = "caseworker_belief"


@dataclass(frozen=True)
class StudyData:
    """A study, its truth, and the frames of the reference analyses (`prepared`)."""

    study: bip.Study
    truth: bip.Truth

    @cached_property
    def prepared(self) -> Prepared:
        """The reference analyses' own frames."""
        return Prepared(self.study)

    @cached_property
    def spells(self) -> pd.DataFrame:
        """Time at risk of job or education under a caseworker, answers carried for a year."""
        return _assigned(bip.spells(self.study, carry_weeks=52))

    @cached_property
    def periods(self) -> pd.DataFrame:
        """The same in quarters."""
        return bip.person_periods(self.spells, QUARTER)

    @cached_property
    def fresh(self) -> pd.DataFrame:
        """Quarters with an answer of the last quarter."""
        return _assigned(self.prepared.fresh_periods)

    @cached_property
    def first_year(self) -> pd.DataFrame:
        """Clients at their first measurement who could be followed for a year.

        ``way`` is how they left within it: ``entry`` (job or education), ``other`` or ``censored``.
        """
        rows = self.prepared.first_entry
        rows = _assigned(rows[rows["entered"].notna()])
        entry = rows["exit"].isin(["job", "education"])
        way = np.where(entry, "entry", np.where(rows["exit"] == "censored", "censored", "other"))
        return rows.assign(way=pd.Categorical(way, ["censored", "entry", "other"]))

    @cached_property
    def transitions(self) -> pd.DataFrame:
        """Pairs of consecutive measurements about three months apart."""
        rows = bip.transitions(self.study)
        return rows[rows["weeks"] <= 16]

    @cached_property
    def oracle(self) -> pd.DataFrame:
        """Quarters with what causes exits in them: the regressors of the true hazard.

        ``true_belief`` (steps), ``prospects``, ``background`` (log hazard), ``caseworker_effect`` (log hazard),
        ``orientation`` (sd) and ``switch_decay`` (1 right after a switch, halving with the truth's half-life).
        """
        latent, law = self.study.latent, self.truth.belief
        assert latent is not None
        columns = ["client", "quarter", "prospects", "background", "belief", "orientation"]
        begun = latent[columns].rename(columns={"quarter": "period", "orientation": "at_start"})
        rows = self.periods.merge(begun, on=["client", "period"], validate="many_to_one")
        known = latent.drop_duplicates("caseworker").set_index("caseworker")
        own = known.reindex(rows["caseworker"])
        # The caseworker may have changed within the quarter; all else is as at its start.
        belief = rows["belief"] + law.orientation * (own["orientation"].to_numpy() - rows["at_start"])
        return rows.assign(
            true_belief=belief / self.quantity("belief_step", "latent"),
            caseworker_effect=own["caseworker_effect"].to_numpy(),
            orientation=own["orientation"].to_numpy(),
            switch_decay=np.exp2(-self._since_switch(rows) / self.truth.switches.half_life),
        )

    def _since_switch(self, rows: pd.DataFrame) -> np.ndarray:
        """Quarters from the last switch to the start of each row's quarter or, within it, to the switch."""
        table = self.study.assignments.sort_values(["client", "start"], kind="stable")
        later = table[table["client"].duplicated()]
        enrolled = week_index(self.study.clients["enrolled"].to_numpy())
        week = week_index(later["start"].to_numpy()) - 1  # a week's rows start at the end of the week before
        clients = pd.Index(self.study.clients["client"])
        span = 10_000
        key = (
            clients.get_indexer(later["client"]) * span
            + week
            - enrolled[clients.get_indexer(later["client"])]
        )
        who = clients.get_indexer(rows["client"])
        at = np.searchsorted(key, who * span + rows["start"].to_numpy(), side="right") - 1
        last = np.where(at >= 0, key[np.maximum(at, 0)] - who * span, -1)
        since = np.maximum(QUARTER * rows["period"].to_numpy() - last, 0) / QUARTER
        return np.where(last >= 0, since, np.inf)

    def quantity(self, quantity: str, scale: str) -> float:
        """A row of the study's truth table."""
        assert self.study.truth is not None
        table = self.study.truth
        return float(table.loc[(table["quantity"] == quantity) & (table["scale"] == scale), "value"].iloc[0])


def _assigned(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[rows["caseworker"].notna()]
