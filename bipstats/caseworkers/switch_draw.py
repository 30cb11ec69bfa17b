r"""What a change of caseworker does by itself, and what it does because the new caseworker is another.

Notes
-----
Caseworker c's effectiveness for client i is read from the other clients: with O entries seen and E expected of them
under c, :math:`q_{ic} = \log\{(O + a) / (E + a)\}`, the logarithm of a gamma multiplier's posterior mean with variance
:math:`1 / a`. In

.. math::

    \log h = \ldots + \delta\,\text{changed} + \beta_0 q_{i,\text{first}}
    + \beta (q_{i,\text{now}} - q_{i,\text{first}})

delta is the disruption: the effect of a change to a caseworker just as effective. The draw is beta times the mean
difference over the weeks at risk after a change. A second way gives every caseworker a normal intercept instead.

The step without either is no sum of the two: who is still at risk under the first caseworker is so under the less
effective ones, and ratios of hazards averaged over unlike caseworkers are not averages of ratios.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from bipstats.caseworkers.switch_models import Part, chosen, combined, fit_exposures, quarters_since
from bipstats.caseworkers.switch_rows import SwitchRows
from bipstats.core.columns import Floats, Ints
from bipstats.core.covariance import Vcov
from bipstats.models.hazard import hazard
from bipstats.models.mixed_hazard import MixedHazardResult

DISRUPTION = "disruption, at equal effectiveness"


@dataclass(frozen=True, slots=True)
class Counts:
    """Entries seen and expected under caseworkers.

    Attributes
    ----------
    totals : (c, 2) array
        By caseworker.
    pairs : (m,) integer array
        Pairs of client and caseworker, sorted, as client c + caseworker.
    parts : (m, 2) array
        By pair.
    """

    totals: Floats
    pairs: Ints
    parts: Floats

    def of_others(self, client: Ints, caseworker: Ints) -> Floats:
        """Totals of caseworkers without the client's own part, (n, 2)."""
        pair = client * len(self.totals) + caseworker
        place = np.minimum(np.searchsorted(self.pairs, pair), len(self.pairs) - 1)
        own = np.where((self.pairs[place] == pair)[:, None], self.parts[place], 0.0)
        return self.totals[caseworker] - own


def disruption_and_draw(rows: SwitchRows, vcov: Vcov) -> Part:
    """Disruption at equal effectiveness, and the draw of another caseworker."""
    spells = rows.spells
    moved = spells["switched"].to_numpy() == 1
    place = pd.Index(rows.first.index)
    counts = _counts(rows, place)
    variance = _variance(counts)
    if variance <= 0:
        return _all_disruption(rows, vcov, variance)
    client = place.get_indexer(pd.Index(spells["client"]))
    now, first = (
        _effectiveness(counts.of_others(client, spells[name].to_numpy()), 1 / variance)
        for name in ("code", "first_code")
    )
    change = np.where(moved, now - first, 0.0)
    exposures = {
        DISRUPTION: moved,
        "first caseworker": first,
        "new less first": change,
    }
    found = fit_exposures(rows, exposures, vcov)
    weeks = (spells["stop"] - spells["start"]).to_numpy()[moved]
    mean = float(np.average(change[moved], weights=weeks))
    names = (DISRUPTION, "draw of another caseworker")
    made = combined(found.estimates, names, np.array([[1.0, 0, 0], [0, 0, mean]]))
    slope = found.estimates.values[2]
    spread = float(np.sqrt(np.average((change[moved] - mean) ** 2, weights=weeks)))
    note = (
        f"Log hazard per unit of the new caseworker's effectiveness less the first one's: {slope:.3g} (standard error "
        f"{found.estimates.std_errors[2]:.2g}); the difference has mean {mean:.3g} and standard deviation {spread:.3g} "
        "over the weeks after a change. Errors take effectiveness as known."
    )
    return Part(
        "disruption and draw", "hazard ratio", made, (found.entries[0], None), (found.weeks[0], None),
        notes=(note,),
    )  # fmt: skip


def _all_disruption(rows: SwitchRows, vcov: Vcov, variance: float) -> Part:
    """The permanent step itself, where caseworkers do not differ: there is no better or worse one to draw."""
    found = fit_exposures(rows, {DISRUPTION: rows.spells["switched"].to_numpy()}, vcov)
    note = (
        "Caseworkers differ by no more than chance would have it (variance of their effectiveness net of noise "
        f"{variance:.3f}): there is no draw, and the whole effect is disruption."
    )
    return Part(
        "disruption and draw", "hazard ratio", found.estimates, found.entries, found.weeks, (), (note,)
    )


def disruption_by_intercepts(rows: SwitchRows, vcov: Vcov) -> Part:
    """Disruption where every caseworker has a normal intercept; errors from the model, whatever `vcov`."""
    found = fit_exposures(rows, {"after a first change": rows.spells["switched"].to_numpy()}, "model")
    fit = hazard(found.formula, found.periods, exposure="exposure", random="caseworker")
    assert isinstance(fit, MixedHazardResult)
    made = chosen(
        fit.estimates, [fit.estimates.names.index("exposure0")], ("disruption, caseworkers as intercepts",)
    )
    spread = float(fit.random["sd"].iloc[0])
    note = f"Standard deviation of the caseworkers' intercepts: {spread:.2g}. Errors from the model."
    return Part("disruption by intercepts", "hazard ratio", made, found.entries, found.weeks, notes=(note,))


def _counts(rows: SwitchRows, place: pd.Index) -> Counts:
    """Entries under each caseworker, and those a model without caseworkers expects."""
    exposures = quarters_since(rows)[1]
    found = fit_exposures(rows, exposures, "model")
    periods = found.periods
    expected = found.fit.predict(periods).to_numpy()
    size = len(rows.moves.assignments.names)
    code = periods["code"].to_numpy()
    client = place.get_indexer(pd.Index(periods["client"]))
    values = np.column_stack([periods["event"].to_numpy(float), expected])
    pairs, group = np.unique(client * size + code, return_inverse=True)
    parts = np.column_stack([np.bincount(group, column).astype(float) for column in values.T])
    totals = np.column_stack([np.bincount(code, column, minlength=size).astype(float) for column in values.T])
    return Counts(totals, pairs, parts)


def _variance(counts: Counts) -> float:
    r"""Variance of caseworkers' multipliers net of noise, :math:`\sum \{(O - E)^2 - E\} / \sum E^2`."""
    seen, expected = counts.totals.T
    return float(((seen - expected) ** 2 - expected).sum() / (expected**2).sum())


def _effectiveness(counts: Floats, shape: float) -> Floats:
    """Logarithm of the posterior mean of gamma multipliers with mean one, (n,)."""
    return np.log((counts[:, 0] + shape) / (counts[:, 1] + shape))
