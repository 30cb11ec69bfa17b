"""The hazard of entry with high orientation alone, for those who need no draws."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bipstats.caseworkers.outlook import read_outlook, require_differences
from bipstats.caseworkers.outlook_estimates import Incidence, Problem, exposure_of_pairs
from bipstats.caseworkers.outlook_rows import clients, person_quarters, quarters
from bipstats.core.result import Result
from bipstats.register.outcomes import Outcome

if TYPE_CHECKING:
    from bipstats.study.study import Study

HIGH = "exposed_0"
_YEAR = 52


def split_hazard(study: Study, outcome: Outcome) -> tuple[Result, str]:
    """Hazard above against below the median orientation, net of background and answers, clustered by caseworker.

    Returns
    -------
    Result, str
        The fit, with the term `HIGH`, and how many person-quarters had a caseworker of unknown orientation.
    """
    found = read_outlook(study)
    require_differences(found)
    rows = clients(study, found, outcome, _YEAR)
    problem = Problem(found.layouts[1], found.before, "median", (Incidence.of(rows, 1),), (), ())
    exposed = exposure_of_pairs(problem, np.ones(len(found.answers.caseworkers)))
    periods = person_quarters(study, found, outcome)
    fit = quarters(periods.rows, periods.terms(1), exposed, found).fit
    lost = periods.without_orientation
    return fit, f"{lost:,} rows whose caseworker has no such answers left out" if lost else ""
