"""Rules about interventions."""

from __future__ import annotations

from bipstats.study.rules.base import ERROR, WARNING, RowRule
from bipstats.study.rules.relations import absent, after_register, before_enrolment, ends_early, overlapping

ROW_RULES = (
    RowRule(
        "unknown_client",
        "client",
        ERROR,
        "{n} [intervention belongs|interventions belong] to nobody in clients",
        ("interventions.client", "clients.client"),
        lambda sheets: absent(sheets, "interventions", "clients"),
        "add the client to clients, or leave the row out",
    ),
    RowRule(
        "end_before_start",
        "end",
        ERROR,
        "{n} [intervention ends|interventions end] before the start",
        ("interventions.start", "interventions.end"),
        lambda sheets: ends_early(sheets["interventions"]),
        "correct one of the dates",
    ),
    RowRule(
        "after_register",
        "start",
        ERROR,
        "{n} [intervention starts|interventions start] after the register's last week",
        ("interventions.start", "register.client"),
        lambda sheets: after_register(sheets, "interventions", "start"),
        "correct the date, extend the register, or leave the row out",
    ),
    RowRule(
        "before_enrolment",
        "start",
        WARNING,
        "{n} [intervention starts|interventions start] before enrolment",
        ("interventions.client", "interventions.start", "clients.client", "clients.enrolled"),
        lambda sheets: before_enrolment(sheets, "interventions", "start"),
        "see whether the start or the date of enrolment is right",
    ),
    RowRule(
        "overlap",
        "",
        WARNING,
        "{n} [record overlaps|records overlap] an earlier one of the same client and code",
        ("interventions.client", "interventions.code", "interventions.start", "interventions.end"),
        lambda sheets: overlapping(sheets["interventions"], "client", "code"),
        "see whether one intervention was recorded twice",
    ),
    RowRule(
        "missing_end",
        "end",
        WARNING,
        "{n} [intervention has|interventions have] no end and [counts|count] as still running",
        ("interventions.end",),
        lambda sheets: sheets["interventions"].empty("end"),
        "give the end where it is known",
    ),
)
