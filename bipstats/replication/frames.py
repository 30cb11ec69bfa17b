"""The frames that the reference analyses share, each made once and only if it is needed."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import pandas as pd

from bipstats.caseworkers.exposure import without_breaks
from bipstats.caseworkers.raw_shares import with_first_caseworker
from bipstats.caseworkers.switch_rows import SwitchRows, switch_rows
from bipstats.caseworkers.thought_experiment import counterfactual
from bipstats.caseworkers.usable import complete as complete
from bipstats.caseworkers.usable import require as require
from bipstats.caseworkers.usable import terms as terms
from bipstats.caseworkers.usable import with_entries as with_entries
from bipstats.codebook import BACKGROUND, INDICATORS, indicators
from bipstats.interventions.windows import classify
from bipstats.register.outcomes import Outcome, outcomes
from bipstats.replication.model_table import ModelTable
from bipstats.timeline.landmarks import landmarks
from bipstats.timeline.person_periods import person_periods
from bipstats.timeline.spells import spells
from bipstats.timeline.transitions import transitions

if TYPE_CHECKING:
    from bipstats.caseworkers.scenario import Counterfactual
    from bipstats.study.study import Study

QUARTER = 13
"""Weeks of a period."""

WHOLE_FOLLOW_UP = 10_000
"""Weeks for which an answer is carried where follow-up must not end with it."""

SIGNIFICANT: tuple[str, ...] = tuple(indicators(significant=True)["key"])
"""The nine indicators said to be related to a job."""

CLIENT_SIX: tuple[str, ...] = tuple(
    indicators(significant=True).loc[lambda items: items["reference"] == "client", "key"]
)
"""Those of them that the client answers."""


@dataclass(frozen=True)
class Prepared:
    """A study with the frames made from it; nothing is made before it is asked for.

    Parameters
    ----------
    study : Study
    draws, seed : int
        Of whatever is resampled over caseworkers.
    jobs : int, optional
        Workers for the draws.
    """

    study: Study
    draws: int = 500
    seed: int = 15
    jobs: int | None = None
    tables: dict[str, ModelTable] = field(default_factory=dict)

    def keep(self, quantity: str, table: ModelTable) -> None:
        """Remember the table of the model that a quantity comes from."""
        self.tables[quantity] = table

    @cached_property
    def counterfactual(self) -> Counterfactual:
        """The thought experiment of E12, by the naive and by the feasible rule."""
        return counterfactual(self.study, draws=self.draws, rng=self.seed, jobs=self.jobs, progress=False)

    @cached_property
    def entry_periods(self) -> pd.DataFrame:
        """Person-periods to job or education, answers carried for at most a year."""
        return person_periods(spells(self.study, carry_weeks=52), QUARTER)

    @cached_property
    def fresh_periods(self) -> pd.DataFrame:
        """Person-periods to job or education, answers of the last quarter only."""
        return person_periods(spells(self.study, carry_weeks=QUARTER), QUARTER)

    @cached_property
    def job_answers(self) -> pd.DataFrame:
        """Person-periods to a job, answers carried for at most a year."""
        return person_periods(spells(self.study, outcome="job", carry_weeks=52), QUARTER)

    @cached_property
    def job_periods(self) -> pd.DataFrame:
        """Person-periods to job over the whole follow-up, with the first answers.

        ``first_<key>`` is the reference rater's answer at the first measurement, ``own_<key>`` the client's.
        """
        rows = spells(self.study, outcome="job", carry_weeks=WHOLE_FOLLOW_UP)
        kept = ["client", "caseworker", "jobcentre", "start", "stop", "event", "exit", "data_end", "switched"]
        periods = person_periods(without_breaks(rows[[*kept, *BACKGROUND]]), QUARTER)
        first = self.first_job.set_index("client")
        answers = pd.DataFrame(
            {f"first_{key}": first[key] for key in INDICATORS}
            | {f"own_{key}": first[f"{key}_client"] for key in CLIENT_SIX}
        )
        return periods.join(answers, on="client")

    @cached_property
    def first_job(self) -> pd.DataFrame:
        """Clients at their first measurement, followed for a year to a job."""
        return _known_for_all(landmarks(self.study, at="first", horizon=52, outcome="job"))

    @cached_property
    def first_entry(self) -> pd.DataFrame:
        """Clients at their first measurement, followed for a year to job or education."""
        return _known_for_all(landmarks(self.study, at="first", horizon=52))

    @cached_property
    def switches(self) -> SwitchRows:
        """Time at risk of a job, split at changes of caseworker."""
        return switch_rows(self.study, "job")

    @cached_property
    def transitions(self) -> pd.DataFrame:
        """Pairs of consecutive measurements."""
        return transitions(self.study)

    @cached_property
    def windows(self) -> pd.DataFrame:
        """Whole windows of three months at risk, with their intervention class."""
        rows = classify(self.study, window=QUARTER)
        return rows[(rows["stop_week"] - rows["start_week"]) == QUARTER]

    def entries(self, outcome: Outcome) -> int:
        """How many entries the register has, at whatever time."""
        ends = self.entry_ends if outcome == "job_or_education" else self.ends(outcome)
        return int((ends["event"] == 1).sum())

    @cached_property
    def entry_ends(self) -> pd.DataFrame:
        """How each client's follow-up to job or education ended."""
        return self.ends("job_or_education")

    def ends(self, outcome: Outcome) -> pd.DataFrame:
        """How each client's follow-up ended, with ``entry_caseworker``, the first one."""
        return with_first_caseworker(outcomes(self.study, outcome), self.study.assignments)


def _known_for_all(rows: pd.DataFrame) -> pd.DataFrame:
    """Forget ``entered`` where the data end within the horizon: there it is known of early leavers only."""
    return rows.assign(entered=rows["entered"].where(rows["full_horizon"]))
