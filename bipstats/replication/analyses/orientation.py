"""E01: the caseworker's belief in OTHER clients, and this client's entry into a job."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bipstats.codebook import BACKGROUND
from bipstats.core.covariance import cluster
from bipstats.core.design import fit_design
from bipstats.errors import ModelError
from bipstats.models.hazard import hazard
from bipstats.replication.estimate import Estimate, Quantities, coefficient
from bipstats.replication.frames import CLIENT_SIX, Prepared, complete, terms, with_entries
from bipstats.replication.wording import counted

PAIR_DAYS = 42
"""A caseworker's and a client's questionnaire at most this far apart are of one measurement."""


def all_dates(prepared: Prepared) -> Quantities:
    """High against low: mean over all answers on other clients, above or below the median over the rows.

    The answers are net of background, job centre and the client's own six answers. Answers of all dates
    count, also those after this client's entry.
    """
    rows = _at_risk(prepared)
    return {"orientation": _hazard_ratio(prepared, rows, _leave_out_mean(_net_belief(prepared.study), rows))}


def pre_dated(prepared: Prepared) -> Quantities:
    """The same from first answers on other clients, dated before this client came to the caseworker."""
    rows, answers = _at_risk(prepared), _net_belief(prepared.study)
    means = _earlier_mean(answers, prepared.study.assignments)
    found = means.reindex(pd.MultiIndex.from_frame(rows[["client", "caseworker"]]))
    return {"orientation pre-dated": _hazard_ratio(prepared, rows, found.to_numpy(dtype=float))}


def _at_risk(prepared: Prepared) -> pd.DataFrame:
    rows = prepared.job_periods
    return rows[rows["caseworker"].notna()].reset_index(drop=True)


def _net_belief(study: object) -> pd.DataFrame:
    """Answers on belief net of the client's characteristics: ``client, caseworker, date, belief``."""
    rows = _with_client_answers(study.responses).merge(_background(study.clients), on="client")  # type: ignore[attr-defined]
    right, _ = terms(rows, *BACKGROUND, "C(jobcentre)", *CLIENT_SIX)
    rows = complete(rows, right)
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


def _earlier_mean(answers: pd.DataFrame, assignments: pd.DataFrame) -> pd.Series:
    """Mean of first answers on others before each first assignment, by client and caseworker.

    Notes
    -----
    First answers are sorted by caseworker and date; the mean before a date is a difference of running sums.
    """
    first = answers.sort_values(["caseworker", "date"], kind="stable")
    first = first.drop_duplicates(["client", "caseworker"])
    begun = assignments.sort_values("start", kind="stable").drop_duplicates(["client", "caseworker"])
    place, names = pd.factorize(pd.Index(first["caseworker"]), sort=True)
    code = names.get_indexer(pd.Index(begun["caseworker"]))
    known = code >= 0
    begun, code = begun[known], code[known]
    days = (first["date"] - pd.Timestamp(0)).dt.days.to_numpy()
    start = (begun["start"] - pd.Timestamp(0)).dt.days.to_numpy()
    span = 1_000_000
    key = place * span + days
    order = np.argsort(key, kind="stable")
    value = first["belief"].to_numpy()[order]
    running = np.concatenate([[0.0], np.cumsum(value)])
    low = np.searchsorted(key[order], code * span)
    high = np.searchsorted(key[order], code * span + start)
    total, count = running[high] - running[low], (high - low).astype(float)
    own = first.set_index(["client", "caseworker"])[["belief", "date"]]
    own = own.reindex(pd.MultiIndex.from_frame(begun[["client", "caseworker"]]))
    earlier = (own["date"].to_numpy() < begun["start"].to_numpy()) & own["date"].notna().to_numpy()
    total -= np.where(earlier, own["belief"].fillna(0.0).to_numpy(), 0.0)
    count -= earlier
    means = np.where(count > 0, total / np.where(count > 0, count, 1.0), np.nan)
    return pd.Series(means, index=pd.MultiIndex.from_frame(begun[["client", "caseworker"]]))


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
    right, note = terms(used, "high_orientation", *BACKGROUND, *own, "C(jobcentre)", "switched")
    fit = hazard(right, used, exposure="exposure", vcov=cluster("caseworker"), missing="drop")
    without = int((~known).sum())
    left_out = f"{counted(without, 'row')} whose caseworker has no such answers left out" if without else ""
    return coefficient(fit, "high_orientation", left_out, lost, note)
