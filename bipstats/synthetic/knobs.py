"""Sections of the synthetic truth that are switched off by default: what else may happen in a study.

With every section here at its default a study of a seed is the one it was before the section existed: what
these draw comes from streams of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

from bipstats.synthetic.parameters import par

LOG = "log hazard"
SD = "sd of the latent"
SHARE = "share"


@dataclass(frozen=True, slots=True)
class Period:
    """What the calendar does to the hazard of job or education, whatever the client does."""

    trend: float = par(0.0, "per year of the calendar, from week 0, in steps of a quarter", LOG)
    reform_week: int = par(
        52, "first calendar week of a reform (52: that of 1 January 2014)", "week", rule="not negative"
    )
    reform_effect: float = par(0.0, "from the reform on, to the week", LOG)


@dataclass(frozen=True, slots=True)
class Recurrence:
    """Further jobs of those who lost one: they are on benefit again, and the register shows it."""

    again: float = par(
        0.0, "hazard of another job, relative to that of a first one", "factor", rule="not negative"
    )


@dataclass(frozen=True, slots=True)
class Reactivity:
    """What it does to a client to be asked."""

    search: float = par(0.0, "in a quarter that begins with a questionnaire", LOG)
    readiness: float = par(0.0, "each questionnaire moves readiness, from the next quarter on", SD)


@dataclass(frozen=True, slots=True)
class Instrument:
    """A new version of the questionnaire, all questions of both raters."""

    week: int = par(
        104, "first calendar week of the new version (104: 29 December 2014)", "week", rule="not negative"
    )
    shift: float = par(0.0, "the same score is answered so much higher", SD)
    noise: float = par(1.0, "noise of an answer, relative to the old version", "factor", rule="not negative")


@dataclass(frozen=True, slots=True)
class Training:
    """A randomised training that moves the latent belief and nothing else.

    Either caseworkers are drawn (within job centres; they then believe more in every client) or clients (in
    whom every caseworker then believes more). ``clients.trained`` of the study says who was drawn.
    """

    caseworkers: float = par(0.0, "caseworkers drawn, by job centre", SHARE, rule="probability")
    clients: float = par(0.0, "clients drawn, by job centre", SHARE, rule="probability")
    steps: float = par(1.0, "the training moves belief by", "steps of latent belief")
    week: int = par(0, "first calendar week of its effect", "week", rule="not negative")

    @property
    def takes_place(self) -> bool:
        """Whether anybody is drawn."""
        return self.caseworkers > 0 or self.clients > 0
