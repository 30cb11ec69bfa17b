"""Rules about the table of clients."""

from __future__ import annotations

import numpy as np

from bipstats.codebook import schema
from bipstats.study.parse import Mask
from bipstats.study.rules.base import ERROR, RowRule, Sheets
from bipstats.study.rules.cells import outside
from bipstats.study.rules.relations import absent, duplicated, weeks_covered

_YOUNGEST, _OLDEST = 15, 80


def _implausible_age(sheets: Sheets) -> Mask:
    """Clients enrolled before 15 or after 80 (assumed bounds), by year of birth."""
    clients = sheets["clients"].frame
    age = (clients["enrolled"].dt.year - clients["birth_year"].astype("Float64")).to_numpy(
        np.float64, na_value=np.nan
    )
    impossible = outside(sheets["clients"], next(c for c in schema("clients") if c.name == "birth_year"))
    return ~impossible & ((age < _YOUNGEST) | (age > _OLDEST))


def _enrolled_outside(sheets: Sheets) -> Mask:
    return ~weeks_covered(sheets, "clients", "enrolled") & sheets["clients"].known("enrolled")


ROW_RULES = (
    RowRule(
        "duplicate_client",
        "client",
        ERROR,
        "{n} [client repeats|clients repeat] an earlier row",
        ("clients.client",),
        lambda sheets: duplicated(sheets["clients"], "client"),
        "keep one row per client",
    ),
    RowRule(
        "implausible_age",
        "birth_year",
        ERROR,
        f"{{n}} [client is|clients are] younger than {_YOUNGEST} or older than {_OLDEST} at enrolment",
        ("clients.birth_year", "clients.enrolled"),
        _implausible_age,
        "correct the year of birth or the date of enrolment",
    ),
    RowRule(
        "not_in_register",
        "client",
        ERROR,
        "{n} [client has|clients have] no row in the register",
        ("clients.client", "register.client"),
        lambda sheets: absent(sheets, "clients", "register"),
        "add the register rows; a client without a single payment still has a row of empty weeks",
    ),
    RowRule(
        "register_not_covering",
        "enrolled",
        ERROR,
        "{n} [client is|clients are] enrolled outside the weeks of the register",
        ("clients.enrolled", "register.client"),
        _enrolled_outside,
        "extend the register's weeks (y_YYWW), or correct the date of enrolment",
    ),
)
