"""A random half of the caseworkers is trained to believe more: its arms, which nothing confounds."""

from __future__ import annotations

import bipstats as bip

from ..data import StudyData
from ..row import Quantities, Row
from ..take import known, term

RIGHT = f"trained + {bip.formula('background', 'jobcentre')}"


def arms(data: StudyData) -> Quantities:
    """By the caseworker of enrolment, who was drawn; clustered by that caseworker, whoever came after."""
    drawn = data.study.clients.set_index("client")["trained"].astype(float)
    first = data.study.assignments.sort_values(["client", "start"]).drop_duplicates("client")
    rows = data.periods.assign(
        trained=data.periods["client"].map(drawn),
        first_caseworker=data.periods["client"].map(first.set_index("client")["caseworker"]),
    )
    fit = bip.hazard(RIGHT, rows, exposure="exposure", vcov=bip.cluster("first_caseworker"), missing="drop")
    return {"log hazard ratio": term(fit, "trained")}


ROWS = (
    Row("training of caseworkers", ("training_E2",), arms, {"log hazard ratio": None}),
    Row("training of caseworkers", ("training_F",), arms, {"log hazard ratio": known(0.0)}),
)
