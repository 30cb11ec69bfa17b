"""The linear instrumental version: belief in this client, moved by the caseworker's outlook on others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from bipstats.caseworkers.netting import NETTINGS
from bipstats.caseworkers.outlook import Outlook
from bipstats.caseworkers.outlook_rows import Clients
from bipstats.core.columns import Floats, Ints
from bipstats.models.kernels import instrument

COLUMNS = (
    "outcome", "netting", "method", "estimate", "std_error", "conf_low", "conf_high", "region", "f", "clients",
)  # fmt: skip
METHODS = ("least squares", "first stage", "reduced form", "orientation", "caseworkers, UJIVE")


@dataclass(frozen=True, slots=True)
class _Rows:
    """Clients with an answer on belief: outcome, belief, controls, caseworker."""

    y: Floats
    d: Floats
    controls: Floats
    caseworker: Ints
    scores: Floats


def instrumental(found: Outlook, rows: Clients, outcome: str, level: float) -> pd.DataFrame:
    """Effect of one step of belief on the share entered, without an instrument and with two kinds.

    Returns
    -------
    pandas.DataFrame
        `COLUMNS`; shares per step of the answer (first stage: steps of the answer per step of orientation; reduced
        form: share per step of orientation). ``region`` says what shape the interval has: ``bounded``; ``two rays``,
        all values but those between conf_low and conf_high; ``whole line``. Empty where nothing can be estimated.
    """
    parts = [
        _table(_rows(found, rows, place), level).assign(netting=name) for place, name in enumerate(NETTINGS)
    ]
    frame = pd.concat(parts, ignore_index=True).assign(outcome=outcome)
    return frame[list(COLUMNS)]


def _rows(found: Outlook, rows: Clients, place: int) -> _Rows:
    known = ~np.isnan(rows.belief)
    centre = np.unique(rows.centre[known], return_inverse=True)[1]
    controls = np.hstack([np.eye(int(centre.max(initial=0)) + 1)[centre], rows.adjusters(place)[known]])
    caseworker = np.unique(rows.caseworker[known], return_inverse=True)[1]
    scores = found.nets[place].scores(found.before)[rows.pair[known]]
    return _Rows(rows.entered[known], rows.belief[known], controls, caseworker, scores)


def _table(rows: _Rows, level: float) -> pd.DataFrame:
    if not len(rows.d) or np.ptp(rows.d) == 0 or np.ptp(rows.scores) == 0:
        return pd.DataFrame(columns=[name for name in COLUMNS if name not in ("netting", "outcome")])
    reach = float(stats.norm.ppf(0.5 + level / 2))
    plain = instrument.least_squares(rows.y, rows.d, rows.controls, rows.caseworker)
    one = instrument.just_identified(rows.y, rows.d, rows.scores, rows.controls, rows.caseworker)
    region = instrument.anderson_rubin(one, reach**2)
    many, n_many = _many(rows)
    errors = np.sqrt(np.diag(one.covariance))
    n = len(rows.y)
    lines = [
        _line("least squares", plain.estimate, plain.std_error, reach, n),
        _line("first stage", one.first, float(errors[1]), reach, n) | {"f": one.f},
        _line("reduced form", one.reduced, float(errors[0]), reach, n),
        _line("orientation", one.estimate, one.std_error, reach, n)
        | {"conf_low": region.low, "conf_high": region.high, "region": region.shape, "f": one.f},
    ]
    if many is not None:
        lines.append(_line("caseworkers, UJIVE", many.estimate, many.std_error, reach, n_many))
    return pd.DataFrame(lines)


def _many(rows: _Rows) -> tuple[instrument.Slope | None, int]:
    """UJIVE with an indicator for each caseworker; clients whom a regression fits whatever they answer are left out."""
    kept = np.arange(len(rows.y))
    while len(kept):
        caseworker = np.unique(rows.caseworker[kept], return_inverse=True)[1]
        d, controls = rows.d[kept], rows.controls[kept]
        fits = ~np.isnan(instrument.left_out(d, controls, caseworker)) & ~np.isnan(
            instrument.left_out(d, controls)
        )
        if fits.all():
            break
        kept = kept[fits]
    if not len(kept) or caseworker.max() < 2:
        return None, 0
    found = instrument.ujive(rows.y[kept], d, caseworker, controls)
    return (found, len(kept)) if np.isfinite(found.estimate) else (None, 0)


def _line(method: str, estimate: float, error: float, reach: float, n: int) -> dict[str, object]:
    return {
        "method": method,
        "estimate": estimate,
        "std_error": error,
        "conf_low": estimate - reach * error,
        "conf_high": estimate + reach * error,
        "region": "bounded",
        "f": np.nan,
        "clients": n,
    }
