"""The columns of the five tables of a study, as rows that readers and checks walk through."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from bipstats.codebook.keys import INDICATORS, INTERVENTION_TYPES, LEVELS
from bipstats.errors import check_option


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a study table.

    Attributes
    ----------
    name : str
    kind : {"id", "date", "category", "score", "flag", "share", "year", "code"}
        ``flag`` is 0/1 or true/false, ``share`` a number between 0 and 1, ``score`` a whole number on the
        answer scale, ``code`` the number of an intervention.
    required : bool
        Whether the table is of no use without the column.
    levels : tuple of str
        Levels of a ``category``, the reference first; empty for every other kind, and for a category that
        admits any label (``jobcentre``): its levels are those that the data hold.
    low, high : float or None
        Smallest and largest admissible number; None where the kind has no bounds.
    nullable : bool
        Whether a cell may be empty.

    Examples
    --------
    >>> import bipstats as bip
    >>> [column.name for column in bip.codebook.schema("responses")][:4]
    ['client', 'caseworker', 'date', 'respondent']
    >>> bip.codebook.schema("responses")[-1].high
    5
    """

    name: str
    kind: str
    required: bool = True
    levels: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    nullable: bool = False


def _category(name: str, nullable: bool = False) -> Column:
    return Column(name, "category", levels=LEVELS[name], nullable=nullable)


def _flag(name: str) -> Column:
    return Column(name, "flag", nullable=True)


def _share(name: str) -> Column:
    return Column(name, "share", low=0, high=1, nullable=True)


def _score(name: str) -> Column:
    return Column(name, "score", low=1, high=5, nullable=True)


_CLIENT = Column("client", "id")
_CASEWORKER = Column("caseworker", "id")
_START = Column("start", "date")
_END = Column("end", "date", nullable=True)  # empty: still running

_TABLES: Mapping[str, tuple[Column, ...]] = MappingProxyType(
    {
        "clients": (
            _CLIENT,
            Column("jobcentre", "category"),  # any label: studies elsewhere have other job centres
            Column("enrolled", "date"),
            _category("sex"),
            Column("birth_year", "year", low=1900, high=2016),
            _category("civil_status", nullable=True),
            _category("origin", nullable=True),
            _flag("vocational_qualification"),
            _flag("mental_diagnosis"),
            _flag("musculoskeletal_diagnosis"),
            _flag("convicted"),
            _share("job_share_5y"),
            _share("support_share_5y"),
            Column("trained", "flag", required=False),  # of studies with a randomised training of belief
        ),
        "responses": (
            _CLIENT,
            _CASEWORKER,
            Column("date", "date"),
            _category("respondent"),
            *map(_score, INDICATORS),
        ),
        "assignments": (_CLIENT, _CASEWORKER, _START, _END),
        "interventions": (
            _CLIENT,
            Column("code", "code", low=min(INTERVENTION_TYPES), high=max(INTERVENTION_TYPES)),
            _START,
            _END,
        ),
        "register": (_CLIENT,),
    }
)


def schema(table: str) -> tuple[Column, ...]:
    """Give the columns of one study table, in order.

    Parameters
    ----------
    table : {"clients", "responses", "assignments", "interventions", "register"}

    Returns
    -------
    tuple of Column
        For ``register`` the identifier only: its weekly and monthly columns follow the calendar
        (`bipstats.codebook.calendar`).

    Raises
    ------
    OptionError
        If there is no such table.

    Notes
    -----
    The shape of the tables is ours (assumed): no layout of the study's own files is readable. The answer
    scale 1-5, 1 the lowest, is published ("primarily"; which items depart from it is not).

    Examples
    --------
    >>> from bipstats import codebook
    >>> [column.name for column in codebook.schema("assignments")]
    ['client', 'caseworker', 'start', 'end']
    >>> codebook.schema("interventions")[1].high
    21
    """
    check_option("table", table, tuple(_TABLES))
    return _TABLES[table]
