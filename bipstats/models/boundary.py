"""Test of random intercepts by a parametric bootstrap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bipstats.core.columns import Floats
from bipstats.core.resample import draws as draw
from bipstats.errors import ModelError, OptionError
from bipstats.figure_words import Language, axis_words, decimal_marks, say
from bipstats.models.kernels.intercepts import Intercepts
from bipstats.models.kernels.simulated_ratio import ratio, simulated_ratio
from bipstats.plotting import COLOURS, legend_above, new_axes, tidy_axes
from bipstats.seeds import generator
from bipstats.tables import Summary

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_LOST = 0.1


@dataclass(frozen=True, repr=False, eq=False)
class BoundaryTest:
    """Likelihood-ratio test of random intercepts, its distribution simulated without them.

    Attributes
    ----------
    columns : tuple of str
        Whose intercepts are tested, together.
    statistic : float
    simulated : (B,) array
        Ascending.
    n_lost : int
        Draws on which the model has no maximum; left out.

    Examples
    --------
    >>> import pandas as pd, bipstats as bip
    >>> rows = pd.DataFrame({"herd": [k for k in range(12) for _ in range(6)], "x": [0, 1, 0, 1, 0, 1] * 12,
    ...                      "y": [1, 1, 1, 1, 0, 1, 0, 0, 0, 0, 0, 1] * 6})
    >>> test = bip.mixed_logit("y ~ x", rows, random="herd").boundary_test(rows, draws=19, rng=1)
    >>> test.columns, len(test.simulated) + test.n_lost
    (('herd',), 19)
    """

    columns: tuple[str, ...]
    statistic: float
    simulated: Floats
    n_lost: int

    @property
    def p_value(self) -> float:
        """Share of draws with a statistic no smaller, the data's own among them."""
        return float((1 + (self.simulated >= self.statistic).sum()) / (1 + len(self.simulated)))

    @property
    def mc_error(self) -> float:
        """Standard error of the p-value from the number of draws."""
        return float(np.sqrt(self.p_value * (1 - self.p_value) / (1 + len(self.simulated))))

    @property
    def table(self) -> pd.DataFrame:
        """Frame ``group, statistic, p_value, mc_error, draws``."""
        row = (" and ".join(self.columns), self.statistic, self.p_value, self.mc_error, len(self.simulated))
        return pd.DataFrame([row], columns=["group", "statistic", "p_value", "mc_error", "draws"])

    def summary(self) -> Summary:
        """Table with what was simulated."""
        zero = float((self.simulated < 1e-6).mean())
        facts = {
            "null": f"no random intercepts for {' and '.join(self.columns)}",
            "statistic": f"zero in {zero:.0%} of the draws",
        }
        notes = ("Parametric bootstrap: both models are fitted to outcomes drawn from the smaller one.",)
        lost = (f"{self.n_lost:,} draws without a maximum were left out.",) if self.n_lost else ()
        return Summary("Test of random intercepts", self.table, facts, (*notes, *lost))

    def plot_data(self) -> pd.DataFrame:
        """Frame behind `plot`: the simulated statistics, ascending."""
        return pd.DataFrame({"simulated": self.simulated})

    def plot(self, ax: Axes | None = None, *, lang: Language = "en") -> Axes:
        """Draw the simulated statistics with the data's own."""
        axes = tidy_axes(new_axes() if ax is None else ax)
        axes.hist(self.simulated, bins=30, color="#bbbbbb", label=say("simulated", lang))
        axes.axvline(self.statistic, color=COLOURS[1], label=say("own_statistic", lang))
        axis_words(axes, x=say("likelihood_ratio", lang), y=say("draws", lang))
        axes.locator_params(axis="y", integer=True)
        return decimal_marks(legend_above(axes), lang)

    def __repr__(self) -> str:
        return str(self.summary())

    def _repr_html_(self) -> str:
        return self.summary().as_html()


def chosen_columns(drop: str | Sequence[str] | None, columns: tuple[str, ...]) -> tuple[str, ...]:
    """Columns to test: all of them if none is named."""
    names = columns if drop is None else (drop,) if isinstance(drop, str) else tuple(drop)
    unknown = [str(name) for name in names if name not in columns]
    if unknown or not names:
        raise OptionError(
            f"drop={drop!r} is not among the random intercepts, which are of {', '.join(columns)}."
        )
    return names


def boundary_test(
    model: Intercepts,
    columns: tuple[str, ...],
    tested: tuple[str, ...],
    *,
    draws: int,
    rng: int | np.random.Generator | None,
    jobs: int | None,
    shown: bool | None,
) -> BoundaryTest:
    """Simulate the likelihood ratio of the columns tested, one seed a draw."""
    if isinstance(draws, bool) or not isinstance(draws, int | np.integer) or draws < 19:
        raise OptionError(f"draws={draws!r} is not a whole number of at least 19.")
    trials = model.fixed.trials
    if (trials != np.round(trials)).any():
        raise ModelError(
            "outcomes are drawn for whole numbers of rows, and the case weights are not whole: there is no parametric "
            "bootstrap with them."
        )
    rest = [k for k, name in enumerate(columns) if name not in tested]
    statistic, params = ratio(model, rest)
    seed = int(generator(rng).integers(2**63))
    found = np.array(draw(simulated_ratio, int(draws), model, rest, params, rng=seed, jobs=jobs, shown=shown))
    kept = found[np.isfinite(found)]
    if len(kept) < (1 - _MOST_LOST) * draws:
        raise ModelError(
            f"on {draws - len(kept):,} of {draws:,} draws the model has no maximum (too few events per group or "
            "level); the simulated distribution would be that of the others."
        )
    return BoundaryTest(tested, statistic, np.sort(kept), int(draws) - len(kept))
