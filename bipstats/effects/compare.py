"""Several fits side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from bipstats.codebook import LANGUAGES
from bipstats.core.estimates import check_level
from bipstats.core.result import Result
from bipstats.effects.compare_result import FitComparison, Language, Statistic
from bipstats.errors import OptionError, check_option
from bipstats.numbers import Decimal, NumberStyle
from bipstats.tables import check_labels


def compare_fits(
    fits: Mapping[str, Result],
    *,
    exponentiate: bool = False,
    statistic: Statistic = "std_error",
    stars: bool = False,
    level: float = 0.95,
    terms: Sequence[str] | None = None,
    labels: Mapping[str, str] | None = None,
    lang: Language | None = None,
    digits: int | None = 3,
    decimal: Decimal = ".",
) -> FitComparison:
    """Set fits side by side, for a paper's table.

    Parameters
    ----------
    fits : dict of str to fitted model
        Of any kind, with any terms; names head the columns.
    exponentiate : bool, default False
        Ratios instead of logarithms; not for linear models.
    statistic : {"std_error", "conf_int", "p_value"}
        What stands in brackets.
    stars : bool, default False
        Mark p-values below 0.05, 0.01 and 0.001; they are those of the table.
    level : float, default 0.95
        Of the intervals.
    terms : list of str, optional
        Which to show, in this order; ``"period"`` stands for all levels of it. A note names those left out.
    labels : dict of str to str, optional
        Other names of terms.
    lang : {"en", "sv", "da"}, optional
        Language of the words of the table, and of terms that the codebook knows. English words and terms as they are in
        formulas if not given.
    digits : int or None, default 3
        Decimals; None: four significant digits.
    decimal : {".", ","}, default "."

    Returns
    -------
    FitComparison
        ``.table``, ``.tidy()``, and as text, ``.as_html()``, ``.as_latex()``, ``.as_markdown()``, ``.as_word()``,
        ``.to_file(path)``.

    Raises
    ------
    OptionError
        No fits, something that is no fit, fits that have no ratios with `exponentiate`, terms that no fit has.

    Examples
    --------
    >>> import pandas as pd, bipstats as bip
    >>> rows = pd.DataFrame({"y": [0, 0, 1, 1, 0, 1], "x": [1, 2, 3, 4, 5, 6], "z": [1, 0, 0, 1, 1, 0]})
    >>> both = bip.compare_fits({"short": bip.logit("y ~ x", rows), "long": bip.logit("y ~ x + z", rows)})
    >>> both.table
            term           short            long
    0  Intercept  -2.358 (2.344)  -2.291 (3.090)
    1          x   0.674 (0.614)   0.944 (1.013)
    2          z                  -2.029 (2.550)
    """
    check_option("statistic", statistic, ("std_error", "conf_int", "p_value"))
    check_option("lang", lang, (None, *LANGUAGES))
    check_level(level)
    _check_fits(fits, exponentiate)
    named = {str(name): fit for name, fit in fits.items()}
    parts = [fit.tidy(level, exponentiate).assign(fit=name) for name, fit in named.items()]
    estimates = pd.concat(parts, ignore_index=True)
    estimates.insert(0, "fit", estimates.pop("fit"))
    there = list(dict.fromkeys(estimates["term"]))
    shown = _shown(terms, there)
    check_labels(labels, shown)
    spread = pd.DataFrame(
        [row for name, fit in named.items() for row in _spread(name, fit)],
        columns=["fit", "kind", "group", "estimate"],
    )
    references = {key: value for fit in named.values() for key, value in fit.design.references.items()}
    about = pd.DataFrame([_about(name, fit) for name, fit in named.items()])
    return FitComparison(
        estimates, about, spread, references, level, statistic, stars, exponentiate, shown,
        NumberStyle(digits, decimal), dict(labels or {}), lang,
    )  # fmt: skip


def _check_fits(fits: object, exponentiate: bool) -> None:
    """Raise where something is no fit, or where fits cannot stand side by side."""
    if not isinstance(fits, Mapping) or not fits:
        raise OptionError("fits is no dict with fits; give {'A': fit, 'B': fit}.")
    for name, fit in fits.items():
        if not isinstance(fit, Result):
            raise OptionError(f"fits[{name!r}] is no fitted model but {type(fit).__name__}.")
    names = [str(name) for name in fits]
    if "term" in names or len(set(names)) < len(names):
        raise OptionError(
            f"fits={names!r} cannot stand side by side: names must differ, and none may be 'term'."
        )
    lines = [repr(name) for name, fit in fits.items() if exponentiate and fit.link == "identity"]
    if lines:
        raise OptionError(
            f"exponentiate=True, but {', '.join(lines)} is a linear model; its exponentiated coefficients are no "
            "ratios. Leave exponentiate out, or put linear models into a table of their own."
        )


def _shown(terms: Sequence[str] | None, there: list[str]) -> tuple[str, ...]:
    """Terms to show; the name of a factor stands for its levels."""
    if terms is None:
        return tuple(there)
    if isinstance(terms, str) or not len(terms):
        raise OptionError(f"terms={terms!r} is no list of terms; give for instance ['age', 'sex[male]'].")
    found = {one: [term for term in there if term == one or term.startswith(f"{one}[")] for one in terms}
    lost = [repr(one) for one, own in found.items() if not own]
    if lost:
        raise OptionError(
            f"terms name {', '.join(lost)}, which no fit has. There are {', '.join(there[:20])}."
        )
    return tuple(dict.fromkeys(term for own in found.values() for term in own))


def _spread(name: str, fit: Any) -> list[tuple[str, str, str, float]]:
    """Standard deviations of random intercepts, variance of a frailty."""
    random, variance = getattr(fit, "random", None), getattr(fit, "variance", None)
    if isinstance(random, pd.DataFrame) and "sd" in random:
        return [(name, "sd", str(row.group), float(row.sd)) for row in random.itertuples()]  # type: ignore[arg-type]
    if variance is not None and hasattr(variance, "estimate"):
        return [(name, "frailty", "", float(variance.estimate))]
    return []


def _about(name: str, fit: Result) -> dict[str, object]:
    return {
        "fit": name,
        "model": fit.title,
        "scale": fit.ratio,
        "nobs": fit.nobs,
        "n_units": np.nan if fit.fit.n_units is None else fit.fit.n_units,
        "n_events": np.nan if fit.link == "identity" or fit.n_events is None else fit.n_events,
        "n_clusters": np.nan if fit.n_clusters is None else fit.n_clusters,
        "loglik": fit.loglik,
        "aic": fit.glance()["aic"].iloc[0],
        "covariance": fit.estimates.how,
    }
