"""What survival curves and cumulative incidences give: a table, what can be read off it, and a picture."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
from scipy import stats

from bipstats.core.columns import listed
from bipstats.errors import ModelError, OptionError
from bipstats.figure_words import Language, axis_words, say, terms
from bipstats.models.inputs import read_grid
from bipstats.models.kernels.curves import crossing_time, restricted_mean
from bipstats.plotting import numbers_beneath, steps
from bipstats.tables import Summary

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_READ = ["estimate", "std_error", "conf_low", "conf_high"]


@dataclass(frozen=True, repr=False, eq=False)
class Curve:
    """Curves by group, with pointwise intervals.

    Attributes
    ----------
    table : pandas.DataFrame
        ``time, estimate, std_error, conf_low, conf_high, at_risk, events``, for incidence also ``exit``, and the
        column of the groups by its name.
    presence : pandas.DataFrame
        ``time, at_risk`` by group, at every time at which somebody comes or goes.
    kind : {"survival", "incidence"}
    by : str or None
    how : str
        How the standard errors were made.
    level : float
        Confidence level of the intervals.

    Examples
    --------
    >>> import bipstats as bip
    >>> rows = bip.landmarks(bip.simulate(clients=600, rng=1), at="first")
    >>> curves = bip.cumulative_incidence(rows, start=None, stop="weeks", exit="exit", by="sex")
    >>> curves.kind, curves.by
    ('incidence', 'sex')
    >>> curves.at([26, 52]).columns.tolist()
    ['sex', 'exit', 'time', 'estimate', 'std_error', 'conf_low', 'conf_high', 'at_risk']
    """

    table: pd.DataFrame
    presence: pd.DataFrame
    kind: Literal["survival", "incidence"]
    by: str | None
    how: str
    level: float

    def at(self, times: float | Iterable[float]) -> pd.DataFrame:
        """Estimates at chosen times: ``time, estimate, std_error, conf_low, conf_high, at_risk``.

        Parameters
        ----------
        times : float or iterable of float
            Up to the last time of every curve; before its first a curve has not moved.
        """
        grid = read_grid(times)
        over = [name for name, part in self._curves() if grid.max(initial=-np.inf) > part["time"].iloc[-1]]
        if over:
            ends = min(part["time"].iloc[-1] for _, part in self._curves())
            who = f"; they go beyond those of {listed(over)}" if any(over) else ""
            raise ModelError(f"times= must not go beyond {ends:g}, where a curve ends{who}.")
        parts = []
        for _, part in self._curves():
            place = np.searchsorted(part["time"], grid, side="right")
            read = {name: np.concatenate([[self._origin[name]], part[name]])[place] for name in _READ}
            keys = {name: part[name].iloc[0] for name in self._keys}
            parts.append(pd.DataFrame({**keys, "time": grid, **read}))
        frame = pd.concat(parts, ignore_index=True)
        on = ["time"] if self.by is None else [self.by, "time"]
        return frame.merge(self.at_risk(np.unique(grid)), on=on, how="left")

    def at_risk(self, times: float | Iterable[float]) -> pd.DataFrame:
        """Numbers (or weights) at risk at chosen times, by group: ``time, at_risk``.

        Parameters
        ----------
        times : float or iterable of float

        Notes
        -----
        At t those with start < t <= stop are at risk, whenever they came: just before t, as everywhere in the
        library. At the very first start, before which nobody is there, those who begin at it are.
        """
        grid, origin = read_grid(times), self.presence["time"].min()
        grouped = [] if self.by is None else [self.by]
        parts = []
        for part in _split(self.presence, grouped):
            at, number = part["time"].to_numpy(), np.append(part["at_risk"], 0.0)
            place = np.searchsorted(at, grid, side="left") + ((grid == origin) & (at[0] == origin))
            keys = {name: part[name].iloc[0] for name in grouped}
            parts.append(pd.DataFrame({**keys, "time": grid, "at_risk": number[place]}))
        return pd.concat(parts, ignore_index=True)

    def summary(self) -> Summary:
        """The last row of every curve, and how the errors were made."""
        last = pd.concat([part.tail(1) for _, part in self._curves()], ignore_index=True)
        title = "Kaplan-Meier survival" if self.kind == "survival" else "Aalen-Johansen cumulative incidence"
        notes = (f"Errors: {self.how}. Intervals: {self.level:.0%}, on the log scale.",)
        return Summary(f"{title}, at the end", last, {}, notes)

    def plot_data(self) -> pd.DataFrame:
        """Frame behind `plot`: the table with a row at time 0 before every curve, and a column `curve`."""
        begun = []
        for name, part in self._curves():
            first = part.head(1).assign(**self._origin, time=min(0.0, part["time"].iloc[0]), events=0.0)
            begun.append(pd.concat([first, part]).assign(curve=name))
        return pd.concat(begun, ignore_index=True)

    def plot(self, ax: Axes | None = None, at_risk: bool = False, *, lang: Language = "en") -> Axes:
        """Draw the curves as steps with their intervals.

        Parameters
        ----------
        ax : matplotlib axes, optional
        at_risk : bool, default False
            Write the numbers at risk beneath the time axis.
        lang : {"en", "sv", "da"}
        """
        frame = self.plot_data()
        several = frame["curve"].nunique() > 1
        title = None if self.by is None else terms([self.by], lang)[0]
        axes = steps(frame, by="curve" if several else None, ax=ax, lang=lang, title=title)
        what = "survival_axis" if self.kind == "survival" else "incidence_axis"
        axis_words(axes, x=say("time", lang), y=say(what, lang, level=self.level))
        if at_risk:
            low, high = frame["time"].min(), frame["time"].max()
            ticks = [tick for tick in axes.get_xticks() if low <= tick <= high]
            axes.set_xticks(ticks)
            numbers_beneath(axes, self.at_risk(ticks), by=self.by, heading=say("at_risk", lang), lang=lang)
        return axes

    @property
    def _keys(self) -> list[str]:
        """Columns that tell the curves apart."""
        return [name for name in (self.by, "exit") if name is not None and name in self.table]

    @property
    def _origin(self) -> dict[str, float]:
        """What a curve is before its first time."""
        value = 1.0 if self.kind == "survival" else 0.0
        return {"estimate": value, "std_error": 0.0, "conf_low": value, "conf_high": value}

    def _curves(self) -> list[tuple[str, pd.DataFrame]]:
        """The parts of the table that are one curve, by name."""
        keys = self._keys
        parts = _split(self.table, keys)
        return [(", ".join(str(part[key].iloc[0]) for key in keys), part) for part in parts]

    def __repr__(self) -> str:
        return str(self.summary())

    def _repr_html_(self) -> str:
        return self.summary().as_html()


@dataclass(frozen=True, repr=False, eq=False)
class SurvivalCurve(Curve):
    """Survival curves by group.

    Attributes
    ----------
    whole : bool
        All weights are whole numbers, so that counts have the variances of counts.

    Examples
    --------
    >>> import bipstats as bip
    >>> rows = bip.landmarks(bip.simulate(clients=600, rng=1), at="first")
    >>> curve = bip.survival_curve(rows, start=None, stop="weeks", event="entered")
    >>> curve.at_risk([0, 52]).columns.tolist()
    ['time', 'at_risk']
    >>> bool(curve.table["estimate"].between(0, 1).all())
    True
    """

    whole: bool = True

    def quantile(self, p: float | Iterable[float] = 0.5) -> pd.DataFrame:
        """Times by which shares have left, 0.5 for the median: ``probability, estimate, conf_low, conf_high``.

        Parameters
        ----------
        p : float or iterable of float, default 0.5
            Between 0 and 1.

        Notes
        -----
        The first time at which the curve is at or below 1 - p; the middle of the stretch where it is at 1 - p exactly.
        The interval holds the times at which the interval of the curve does so (Brookmeyer & Crowley 1982), as R's
        ``quantile.survfit`` has it. A limit that the curve does not reach is missing.
        """
        shares = read_grid(p)
        if not ((shares > 0) & (shares < 1)).all():
            raise OptionError(f"p={p!r} holds a number that is no share between 0 and 1.")
        parts = []
        for _, part in self._curves():
            time = part["time"].to_numpy()
            found = {
                name: [crossing_time(time, part[name].to_numpy(), 1 - share) for share in shares]
                for name in ("estimate", "conf_low", "conf_high")
            }
            keys = {name: part[name].iloc[0] for name in self._keys}
            parts.append(pd.DataFrame({**keys, "probability": shares, **found}))
        return pd.concat(parts, ignore_index=True)

    def restricted_mean(self, horizon: float) -> pd.DataFrame:
        """Mean time up to a horizon, the area under the curve: ``horizon, estimate, std_error, conf_low, conf_high``.

        Parameters
        ----------
        horizon : float
            No later than the end of any curve that has not reached zero.

        Notes
        -----
        Greenwood's variance carried through the area, as R prints it (``print(fit, rmean=horizon)``).
        """
        if not self.whole:
            raise ModelError(
                "weights that are not whole numbers leave no variance of a mean time; use counts."
            )
        end = float(read_grid(horizon).max())
        z = stats.norm.ppf(0.5 + self.level / 2)
        parts = []
        for name, part in self._curves():
            last = part.iloc[-1]
            if end > last["time"] and last["estimate"] > 0:
                of = f" of {name}" if name else ""
                raise ModelError(f"horizon={end:g} goes beyond {last['time']:g}, where the curve{of} ends.")
            time, survival, number, events = (
                part[column].to_numpy() for column in ("time", "estimate", "at_risk", "events")
            )
            mean, error = restricted_mean(time, survival, number, events, end)
            keys = {key: part[key].iloc[0] for key in self._keys}
            interval = {"conf_low": mean - z * error, "conf_high": mean + z * error}
            parts.append({**keys, "horizon": end, "estimate": mean, "std_error": error, **interval})
        return pd.DataFrame(parts)


def _split(frame: pd.DataFrame, keys: list[str]) -> list[pd.DataFrame]:
    """Parts of a frame with equal keys, in order."""
    if not keys:
        return [frame]
    return [part for _, part in frame.groupby(keys, observed=True, sort=False)]
