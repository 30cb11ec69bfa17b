"""E01: the caseworker's belief in OTHER clients, and this client's entry into a job."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bipstats.caseworkers.first_answers import PAIR_DAYS
from bipstats.caseworkers.outlook_hazard import HIGH, split_hazard
from bipstats.codebook import BACKGROUND
from bipstats.core.covariance import cluster
from bipstats.core.design import fit_design
from bipstats.errors import ModelError
from bipstats.models.hazard import hazard
from bipstats.replication.estimate import Estimate, Quantities, coefficient
from bipstats.replication.frames import CLIENT_SIX, Prepared, complete, require, terms, with_entries
from bipstats.replication.model_table import ModelTable
from bipstats.replication.wording import counted

_SHOWN = "high_orientation"


def all_dates(prepared: Prepared) -> Quantities:
    """High against low: mean over all answers on other clients, above or below the median over the rows.

    The answers are net of background, job centre and the client's own six answers. Answers of all dates
    count, also those after this client's entry.
    """
    rows = _at_risk(prepared)
    return {"orientation": _hazard_ratio(prepared, rows, _leave_out_mean(_net_belief(prepared.study), rows))}


def pre_dated(prepared: Prepared) -> Quantities:
    """The same as `bip.caseworkers.orientation_effect` has it: earlier first answers on others, shrunken.

    Slopes of the clients' characteristics come from within caseworkers; the cut is the median over clients. The error
    is clustered by caseworker, orientation taken as it is.
    """
    fit, lost = split_hazard(prepared.study, "job")
    prepared.keep("orientation pre-dated", ModelTable.of(fit, HIGH, lost, called=_SHOWN))
    return {"orientation pre-dated": coefficient(fit, HIGH, lost)}


def _at_risk(prepared: Prepared) -> pd.DataFrame:
    rows = prepared.job_periods
    return rows[rows["caseworker"].notna()].reset_index(drop=True)


def _net_belief(study: object) -> pd.DataFrame:
    """Answers on belief net of the client's characteristics: ``client, caseworker, date, belief``."""
    rows = _with_client_answers(study.responses).merge(_background(study.clients), on="client")  # type: ignore[attr-defined]
    right, _ = terms(rows, *BACKGROUND, "C(jobcentre)", *CLIENT_SIX)
    rows = complete(rows, right)
    require(rows, "belief")  # else what is left of it is rounding
    flags = rows.select_dtypes("boolean").columns
    rows = rows.astype(dict.fromkeys(flags, float))
    matrix = fit_design(right, rows)[1]
    x = np.column_stack([np.ones(len(rows)), matrix])
    belief = rows["belief"].to_numpy(dtype=float)
    net = belief - x @ np.linalg.lstsq(x, belief, rcond=None)[0]
    return rows[["client", "caseworker", "date"]].assign(belief=net)


def _with_client_answers(responses: pd.DataFrame) -> pd.DataFrame:
    """Caseworkers' answers on belief with the six answers of the client's nearest questionnaire."""
    table = responses.assign(person=pd.factorize(responses["client"])[0])
    by_client = (table["respondent"] == "client").to_numpy()
    beliefs = table[~by_client & table["caseworker_belief"].notna().to_numpy()]
    beliefs = beliefs[["person", "client", "caseworker", "date"]].assign(
        belief=beliefs["caseworker_belief"].astype(float)
    )
    own = table.loc[by_client, ["person", "date", *CLIENT_SIX]].dropna()
    pairs = pd.merge_asof(
        beliefs.sort_values("date", kind="stable"),
        own.sort_values("date", kind="stable"),
        on="date",
        by="person",
        direction="nearest",
        tolerance=pd.Timedelta(days=PAIR_DAYS),
    )
    pairs = pairs.dropna()
    if len(pairs) <= len(CLIENT_SIX) + len(BACKGROUND) + 10:
        raise ModelError(
            f"of the answers on belief only {len(pairs):,} stand beside the client's own six answers."
        )
    return pairs


def _background(clients: pd.DataFrame) -> pd.DataFrame:
    age = clients["enrolled"].dt.year - clients["birth_year"].astype(float)
    return clients.assign(age=age)[["client", "jobcentre", *BACKGROUND]]


def _leave_out_mean(answers: pd.DataFrame, rows: pd.DataFrame) -> np.ndarray:
    """Mean of the row's caseworker over all other clients; NaN where there is none."""
    pair = answers.groupby(["client", "caseworker"], observed=True)["belief"].agg(["sum", "count"])
    total = pair.groupby(level="caseworker").sum().reindex(rows["caseworker"]).to_numpy(dtype=float)
    own = (
        pair.reindex(pd.MultiIndex.from_frame(rows[["client", "caseworker"]])).fillna(0).to_numpy(dtype=float)
    )
    others = total - own
    count = np.where(others[:, 1] > 0, others[:, 1], np.nan)
    return others[:, 0] / count


def _hazard_ratio(prepared: Prepared, rows: pd.DataFrame, orientation: np.ndarray) -> Estimate:
    """Complementary log-log of a job: above against below the median orientation."""
    known = ~np.isnan(orientation)
    if not known.any():
        raise ModelError("no caseworker has answered on another client.")
    high = (orientation > np.median(orientation[known])).astype(float)
    used, lost = with_entries(
        rows.assign(high_orientation=high)[known],
        "event",
        lambda: prepared.entries("job"),
        "with a caseworker whose orientation is known",
    )
    own = tuple(f"own_{key}" for key in CLIENT_SIX)
    right, note = terms(used, _SHOWN, *BACKGROUND, *own, "C(jobcentre)", "switched")
    fit = hazard(right, used, exposure="exposure", vcov=cluster("caseworker"), missing="drop")
    without = int((~known).sum())
    left_out = f"{counted(without, 'row')} whose caseworker has no such answers left out" if without else ""
    prepared.keep("orientation", ModelTable.of(fit, _SHOWN, left_out, lost, note))
    return coefficient(fit, _SHOWN, left_out, lost, note)
