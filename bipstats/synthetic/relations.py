"""Which parameters of a truth contradict each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from bipstats.synthetic.background import BUFFER_WEEKS, TRAITS

if TYPE_CHECKING:
    from bipstats.synthetic.truth import Truth

Relation = tuple[tuple[str, ...], Callable[["Truth"], bool], str]
"""Sections that it reads, whether it holds, and what must hold in words."""


def _enrolment(truth: Truth) -> bool:
    when = truth.calendar
    last = when.entry_last + when.centre_delay * (len(truth.centres.shares) - 1)
    return when.entry_first < when.entry_main <= when.entry_last and last < when.weeks - 4


def _pairs(truth: Truth) -> bool:
    follow_up = truth.calendar.weeks - 1 - truth.calendar.entry_first
    return 1 <= truth.measurement.pairs_per_client <= -(-follow_up // 13)


def _belief(truth: Truth) -> bool:
    law = truth.belief
    return any((law.from_readiness, law.from_background, law.orientation, law.private_view, law.answer_noise))


def _background(truth: Truth) -> bool:
    law = truth.background
    names = ("female", "age", "job_share", *TRAITS)
    return any(getattr(law, f"effect_{name}") for name in names)


RELATIONS: tuple[Relation, ...] = (
    (
        ("calendar", "centres"),
        _enrolment,
        "calendar: entry_first < entry_main <= entry_last must hold, and all enrol 4 weeks before the end "
        "(centre_delay included)",
    ),
    (
        ("calendar",),
        lambda truth: BUFFER_WEEKS <= truth.calendar.history_weeks <= 2000,
        f"calendar: history_weeks must lie between {BUFFER_WEEKS} and 2000",
    ),
    (
        ("calendar",),
        lambda truth: truth.calendar.weeks <= 2000,
        "calendar: weeks must not exceed 2000",
    ),
    (
        ("answers",),
        lambda truth: truth.answers.readiness_share + truth.answers.trait_share <= 1,
        "answers: readiness_share + trait_share must not exceed 1",
    ),
    (
        ("answers",),
        lambda truth: truth.answers.null_readiness_share <= truth.answers.readiness_share,
        "answers: null_readiness_share must not exceed readiness_share",
    ),
    (("belief",), _belief, "belief: something must move its answer; all slopes and answer_noise are 0"),
    (("background",), _background, "background: not all effects may be 0, beliefs read the prospects"),
    (
        ("calendar", "measurement"),
        _pairs,
        "measurement: pairs_per_client must lie between 1 (everyone's first) and the quarters of the follow-up",
    ),
    (
        ("training",),
        lambda truth: not (truth.training.caseworkers and truth.training.clients),
        "training: caseworkers or clients are drawn, not both",
    ),
)


def contradictions(truth: Truth, broken: set[str]) -> Iterator[str]:
    """Say which relations do not hold, leaving out those that read a broken section."""
    for sections, holds, words in RELATIONS:
        if broken.isdisjoint(sections) and not holds(truth):
            yield words
