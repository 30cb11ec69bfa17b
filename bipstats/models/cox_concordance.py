"""Concordance of a Cox fit's predictions with what happened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats

from bipstats.core.columns import Floats, group_codes
from bipstats.core.estimates import check_level
from bipstats.errors import ModelError
from bipstats.models.cox_residuals import fitted_rows
from bipstats.models.kernels.concordance import Pairs, count_pairs

if TYPE_CHECKING:
    from bipstats.models.cox import CoxResult


@dataclass(frozen=True, slots=True)
class Concordance:
    """How often the one who has the event first had the higher predicted risk; made by ``CoxResult.concordance``.

    Attributes
    ----------
    concordance : float
        (concordant + tied_risk / 2) / (concordant + discordant + tied_risk); 1/2 is no better than chance.
    std_error : float
        By the infinitesimal jackknife.
    concordant, discordant, tied_risk : float
        Comparable pairs (products of case weights) by predicted risk.
    tied_time, tied_both : float
        Pairs with the event at the same time, with different and with equal risk; not compared.
    unit : str
        Whose rows are one unit of the standard error.

    Examples
    --------
    >>> import bipstats as bip
    >>> rows = bip.spells(bip.simulate(clients=600, rng=1))
    >>> fit = bip.cox("caseworker_belief + sex", rows, missing="drop")
    >>> found = fit.concordance(rows)
    >>> bool(0.5 < found.concordance < 1 and found.std_error < 0.1)
    True
    >>> found.unit
    'client'
    """

    concordance: float
    std_error: float
    concordant: float
    discordant: float
    tied_risk: float
    tied_time: float
    tied_both: float
    unit: str

    def conf_int(self, level: float = 0.95) -> tuple[float, float]:
        """Normal confidence interval."""
        check_level(level)
        half = float(stats.norm.ppf(0.5 + level / 2)) * self.std_error
        return self.concordance - half, self.concordance + half

    def __repr__(self) -> str:
        return (
            f"Concordance {self.concordance:.4f} (standard error {self.std_error:.4f}, one unit per {self.unit}); "
            f"pairs: {self.concordant:,.6g} concordant, {self.discordant:,.6g} discordant, {self.tied_risk:,.6g} tied"
        )


def concordance(
    fit: CoxResult, data: pd.DataFrame, *, cluster: str | Sequence[str] | None = None
) -> Concordance:
    r"""Concordance of predicted risks with the order of events.

    Parameters
    ----------
    data : pandas.DataFrame
        The fitted data, unchanged.
    cluster : str or list of str, optional
        Column whose rows are one unit of the standard error; if not given, the fit's id, and without one every
        row is a unit.

    Returns
    -------
    Concordance

    Raises
    ------
    ModelError
        These are not the data of the fit, or no pair can be compared.

    Notes
    -----
    Who has an event at :math:`t` is compared with everyone of the stratum who is at risk at :math:`t`, on (start,
    stop], and has none then, by their linear predictors of the moment; each event time counts alike, and predictors
    that differ by rounding are tied. These are R's ``concordance(fit)`` and, with an id, its ``cluster=id``. The error
    is that of the predictions as given: it leaves out that the coefficients were estimated on the same data,
    which also makes the concordance too good by a little.

    References
    ----------
    Therneau, T. & Watson, D. (2017). The concordance statistic and the Cox model. Mayo Clinic.

    Examples
    --------
    >>> import pandas as pd, bipstats as bip
    >>> rows = pd.DataFrame({"stop": [4, 3, 1, 1, 2, 2, 3], "event": [1, 1, 1, 0, 1, 1, 0],
    ...                      "x": [0, 2, 1, 1, 1, 0, 0]})
    >>> round(bip.cox("x", rows, start=None).concordance(rows).concordance, 4)
    0.6429
    """
    found = fitted_rows(fit, data)
    rows, problem = found.rows, found.rows.problem
    eta = problem.x @ (fit.estimates.values * rows.scale) + problem.offset
    pairs = count_pairs(eta, problem)
    compared = pairs.concordant + pairs.discordant + pairs.tied_score
    if not compared:
        raise ModelError("no two rows can be compared: nobody is at risk beside those who have the event.")
    difference = (pairs.concordant - pairs.discordant) / compared
    pull = _pull(pairs, problem.weight, difference, compared)
    unit = found.spec.id if cluster is None else cluster
    if unit is not None:
        codes = group_codes(data.iloc[found.position], unit, "cluster=")
        pull = np.bincount(codes, pull).astype(float)
    return Concordance(
        (difference + 1) / 2,
        float(np.sqrt((pull**2).sum()) / 2),
        pairs.concordant,
        pairs.discordant,
        pairs.tied_score,
        pairs.tied_time,
        pairs.tied_both,
        "row" if unit is None else unit if isinstance(unit, str) else " and ".join(unit),
    )


def _pull(pairs: Pairs, weight: Floats, difference: float, compared: float) -> Floats:
    """How far each row pulls the difference of concordant and discordant shares, (n,)."""
    own = pairs.influence
    return weight * (own[:, 0] - own[:, 1] - difference * own.sum(axis=1)) / compared
