"""Spline bases as plain data: where the knots lie, and the columns for any values."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy.interpolate import BSpline, CubicSpline

from bipstats.core.columns import Floats
from bipstats.errors import ModelError

OPTIONS = ("df", "degree", "knots", "lower_bound", "upper_bound")
Kind = Literal["bs", "cr"]


@dataclass(frozen=True, slots=True)
class Spline:
    """A spline basis with its knots placed.

    Attributes
    ----------
    kind : {"bs", "cr"}
        B-splines without the first; or natural cubic splines, centred.
    knots : tuple of float
        Ascending, the bounds first and last.
    degree : int
        Of the polynomials between knots.
    centre : tuple of float
        For ``"cr"``: means of the uncentred columns over the data of the fit.
    """

    kind: Kind
    knots: tuple[float, ...]
    degree: int = 3
    centre: tuple[float, ...] = ()

    @property
    def size(self) -> int:
        """Number of columns."""
        return len(self.knots) - 2 + self.degree if self.kind == "bs" else len(self.knots) - 1


def place(kind: Kind, values: Floats, options: dict[str, Any]) -> Spline:
    """Place the knots at quantiles of the data, or where `options` say.

    Parameters
    ----------
    kind : {"bs", "cr"}
    values : (n,) array
    options : dict
        Of `OPTIONS`: ``df`` (number of columns) or ``knots`` (inner ones); ``degree`` of B-splines; bounds,
        by default those of the data.

    Returns
    -------
    Spline

    Notes
    -----
    Inner knots are equally spaced quantiles: of the values for B-splines, as R's ``bs`` has them; of the
    distinct values for natural splines, as mgcv's ``cr`` has them.
    """
    lower = float(options.get("lower_bound", values.min()))
    upper = float(options.get("upper_bound", values.max()))
    if not lower < upper:
        raise ModelError(f"the lower bound {lower:g} is not below the upper bound {upper:g}.")
    if kind == "cr" and "degree" in options:
        raise ModelError("natural splines are cubic; leave degree out.")
    if "df" in options and "knots" in options:
        raise ModelError("give df or knots, not both.")
    degree = options.get("degree", 3)
    fixed = degree if kind == "bs" else 1
    if "knots" in options:
        inner = np.sort(np.asarray(options["knots"], dtype=float).ravel())
    elif "df" in options:
        inner = _quantiles(kind, values, lower, upper, options["df"], fixed)
    elif kind == "cr":
        raise ModelError("say how many columns (df) or where the knots lie (knots).")
    else:
        inner = np.empty(0)
    return _spline(kind, values, (lower, *inner.tolist(), upper), degree)


def _quantiles(kind: Kind, values: Floats, lower: float, upper: float, df: int, fixed: int) -> Floats:
    if df < fixed:
        raise ModelError(f"df={df} is too few; {kind}() has {fixed} columns or more.")
    shares = np.linspace(0, 1, df - fixed + 2)[1:-1]
    within = values[(values >= lower) & (values <= upper)]
    if not len(within):
        raise ModelError(f"no value lies between the bounds {lower:g} and {upper:g}.")
    return np.quantile(within if kind == "bs" else np.unique(within), shares)


def _spline(kind: Kind, values: Floats, knots: tuple[float, ...], degree: int) -> Spline:
    inner, distinct = knots[1:-1], len(np.unique(knots)) == len(knots)
    if any(not knots[0] < knot < knots[-1] for knot in inner) or (kind == "cr" and not distinct):
        where = ", ".join(f"{knot:g}" for knot in inner)
        raise ModelError(
            f"the inner knots ({where}) do not lie apart, strictly between {knots[0]:g} and {knots[-1]:g}: "
            "few distinct values, or many equal ones? Fewer df, or knots of your own."
        )
    if kind == "bs":
        return Spline(kind, knots, degree)
    return Spline(kind, knots, 3, tuple(natural(values, np.array(knots)).mean(axis=0).tolist()))


def read_options(call: ast.Call) -> dict[str, Any]:
    """Read the options of ``bs(x, df=4)`` as numbers; anything else raises."""
    found: dict[str, Any] = {}
    for keyword in call.keywords:
        try:
            value = ast.literal_eval(keyword.value)
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            raise ModelError(f"{keyword.arg}={ast.unparse(keyword.value)} is not a number.") from None
        _check(str(keyword.arg), value)
        found[str(keyword.arg)] = value
    return found


def _check(name: str, value: object) -> None:
    if name in ("df", "degree"):
        if type(value) is not int or value < (name == "df"):
            raise ModelError(f"{name}={value!r} is not a whole number above zero.")
    elif name == "knots":
        if not isinstance(value, list | tuple) or not value or not all(map(_is_number, value)):
            raise ModelError(f"knots={value!r} is not a list of numbers.")
    elif not _is_number(value):
        raise ModelError(f"{name}={value!r} is not a number.")


def _is_number(value: object) -> bool:
    return type(value) in (int, float) and bool(np.isfinite(value))  # type: ignore[call-overload]


def basis(spline: Spline, values: Floats) -> Floats:
    """Columns of a spline, (n, size).

    Raises
    ------
    ModelError
        B-splines beyond their bounds; natural splines go on as straight lines.
    """
    knots = np.array(spline.knots)
    if spline.kind == "cr":
        # Columns orthogonal to the means: the constant is not among them, every model has it already.
        across = np.linalg.qr(np.array(spline.centre)[:, None], mode="complete")[0][:, 1:]
        return natural(values, knots) @ across
    beyond = int(((values < knots[0]) | (values > knots[-1])).sum())
    if beyond:
        raise ModelError(f"{beyond:,} values lie beyond the bounds {knots[0]:g} and {knots[-1]:g}.")
    padded = np.pad(knots, spline.degree, mode="edge")
    return BSpline.design_matrix(values, padded, spline.degree).toarray()[:, 1:]


def natural(values: Floats, knots: Floats) -> Floats:
    """Natural cubic splines that are 1 at one knot and 0 at the others, straight lines beyond: (n, K)."""
    curves = CubicSpline(knots, np.eye(len(knots)), bc_type="natural")
    inside = np.clip(values, knots[0], knots[-1])
    return curves(inside) + (values - inside)[:, None] * curves(inside, 1)
