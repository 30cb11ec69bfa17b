"""Rules about who was whose caseworker, and when."""

from __future__ import annotations

from bipstats.study.rules.base import ERROR, WARNING, RowRule
from bipstats.study.rules.relations import absent, after_register, before_enrolment, ends_early, overlapping

ROW_RULES = (
    RowRule(
        "unknown_client",
        "client",
        ERROR,
        "{n} [assignment belongs|assignments belong] to nobody in clients",
        ("assignments.client", "clients.client"),
        lambda sheets: absent(sheets, "assignments", "clients"),
        "add the client to clients, or leave the row out",
    ),
    RowRule(
        "end_before_start",
        "end",
        ERROR,
        "{n} [assignment ends|assignments end] before the start",
        ("assignments.start", "assignments.end"),
        lambda sheets: ends_early(sheets["assignments"]),
        "correct one of the dates",
    ),
    RowRule(
        "overlap",
        "",
        ERROR,
        "client has two caseworkers at once in {n} [case|cases]",
        ("assignments.client", "assignments.start", "assignments.end"),
        lambda sheets: overlapping(sheets["assignments"], "client"),
        "end the earlier assignment the day before the later one starts",
    ),
    RowRule(
        "after_register",
        "start",
        ERROR,
        "{n} [assignment starts|assignments start] after the register's last week",
        ("assignments.start", "register.client"),
        lambda sheets: after_register(sheets, "assignments", "start"),
        "correct the date, extend the register, or leave the row out",
    ),
    RowRule(
        "before_enrolment",
        "start",
        WARNING,
        "{n} [assignment starts|assignments start] before enrolment",
        ("assignments.client", "assignments.start", "clients.client", "clients.enrolled"),
        lambda sheets: before_enrolment(sheets, "assignments", "start"),
        "see whether the start or the date of enrolment is right",
    ),
)
