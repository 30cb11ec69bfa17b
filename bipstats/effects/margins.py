"""Average effects: the same people twice, with one covariate changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bipstats.core.columns import Floats, Missing, require_frame
from bipstats.core.estimates import Estimates, check_level
from bipstats.core.result import Result
from bipstats.effects.changes import How
from bipstats.effects.fitted_hazards import Fits
from bipstats.effects.landmark import (
    LandmarkRisks,
    check_fits,
    check_time,
    columns_of,
    errors_of,
    fewest_df,
)
from bipstats.effects.means import compared
from bipstats.effects.scales import SCALES, Scale
from bipstats.effects.worlds import Worlds
from bipstats.errors import ModelError, OptionError, check_option
from bipstats.figure_words import Language, levels, say, terms
from bipstats.models.cox import CoxResult
from bipstats.models.hazard import HazardResult
from bipstats.plotting import forest, ratio_axis
from bipstats.tables import Summary, p_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, repr=False, eq=False)
class Margins:
    """Average effects of changing one covariate.

    Attributes
    ----------
    estimates : Estimates
        One per contrast; logarithms, for ratios.
    terms, contrasts : tuple of str
        What was changed, and how.
    scale : str
    level : float
        Of the intervals in the table.
    facts : dict of str to str
        What is compared, over how many rows.

    Examples
    --------
    >>> import bipstats as bip
    >>> rows = bip.landmarks(bip.simulate(clients=600, rng=1), at="first")
    >>> fit = bip.logit("entered ~ caseworker_belief + sex", rows)
    >>> found = bip.margins(fit, rows, "caseworker_belief")
    >>> found.scale, found.terms
    ('difference', ('caseworker_belief',))
    >>> found.tidy().columns.tolist()
    ['term', 'contrast', 'estimate', 'std_error', 'statistic', 'p_value', 'conf_low', 'conf_high']
    """

    estimates: Estimates
    terms: tuple[str, ...]
    contrasts: tuple[str, ...]
    scale: Scale
    level: float
    facts: dict[str, str]

    @property
    def table(self) -> pd.DataFrame:
        """Frame ``term, contrast, estimate, std_error, statistic, p_value, conf_low, conf_high``."""
        return self.tidy(self.level)

    @property
    def label(self) -> str:
        """The scale in words."""
        return self.scale.replace("_", " ")

    def tidy(self, level: float = 0.95) -> pd.DataFrame:
        """Give the table at a confidence level; ratios have their test and interval on the log scale."""
        frame = self.estimates.tidy(level, exponentiate=self.scale != "difference")
        frame["term"] = list(self.terms)
        frame.insert(1, "contrast", list(self.contrasts))
        return frame

    def summary(self) -> Summary:
        """Table with what was changed, over which rows, and how errors were made."""
        frame = self.table
        frame["p_value"] = [p_text(value) for value in frame["p_value"]]
        frame = frame.drop(columns="statistic").rename(columns={"estimate": self.label})
        notes = [f"Intervals: {self.level:.0%}, by the delta method" + self._scale_words() + "."]
        if self.estimates.df is not None:
            notes.append(
                f"t distribution with {self.estimates.df.min():.4g} degrees of freedom, the fewest of any coefficient."
            )
        return Summary("Average effects", frame, self.facts, tuple(notes))

    def _scale_words(self) -> str:
        return "" if self.scale == "difference" else " on the log scale"

    def plot_data(self) -> pd.DataFrame:
        """Frame behind `plot`."""
        return self.table.assign(term=[f"{t}: {c}" for t, c in zip(self.terms, self.contrasts, strict=True)])

    def plot(self, ax: Axes | None = None, *, lang: Language = "en") -> Axes:
        """Draw the effects with their intervals."""
        ratio = self.scale != "difference"
        words = say(self.scale, lang, level=self.level)
        labels = [
            f"{_term(term, lang)}: {_contrast(contrast, lang)}"
            for term, contrast in zip(self.terms, self.contrasts, strict=True)
        ]
        axes = forest(self.plot_data(), ax=ax, reference=float(ratio), xlabel=words, lang=lang, labels=labels)
        return ratio_axis(axes, lang) if ratio else axes

    def __repr__(self) -> str:
        return str(self.summary())

    def _repr_html_(self) -> str:
        return self.summary().as_html()


def _term(term: str, lang: Language) -> str:
    """Label of a variable, or of ``exit: variable``."""
    cause, apart, variable = term.rpartition(": ")
    return (levels([cause], lang)[0] if cause else "") + apart + terms([variable], lang)[0]


def _contrast(contrast: str, lang: Language) -> str:
    """Label of ``level vs level``, or of a step."""
    sides = contrast.split(" vs ")
    return " \u2212 ".join(levels(sides, lang)) if len(sides) > 1 else contrast


def margins(
    fit: Result | Fits,
    data: pd.DataFrame,
    variable: str,
    *,
    contrast: How = "step",
    scale: Scale = "difference",
    horizon: float | None = None,
    landmark: float = 0,
    width: float | None = None,
    level: float = 0.95,
    missing: Missing = "raise",
) -> Margins:
    r"""Average effect of changing one covariate, over the rows of a data set.

    Every row is predicted twice, with the covariate as it is (or set to one value) and changed, all else as it
    is; the averages are compared. Interactions, splines, ``I()`` and categories are right by themselves.

    Parameters
    ----------
    fit : Result, or dict of str to CoxResult or HazardResult
        A fit; or, for risks at a horizon, one cause-specific fit for every way out, as `bip.risk` takes.
    data : pandas.DataFrame
        The rows to average over: those of the fit, or others with the same columns. For risks at a horizon one
        row per client at the landmark.
    variable : str
        Column to change, wherever the formula uses it.
    contrast : {"step", "sd"} or pair, default "step"
        ``"step"``: one unit up; from 0 to 1 for a column of 0 and 1; every level against the first for
        categories. ``"sd"``: one standard deviation of `data` up. ``(low, high)``: everybody at `high`
        against everybody at `low`.
    scale : {"difference", "risk_ratio", "odds_ratio", "hazard_ratio"}
        ``difference`` and the ratios compare averages: of probabilities (logit), of the probability of the event
        in a period (hazard), of the outcome (OLS; difference only), of the risk at the horizon.
        ``hazard_ratio`` is the geometric mean of the rows' hazard ratios.
    horizon : float, optional
        Time after the landmark, for risks; with a dict of fits.
    landmark, width : float
        As in `bip.risk`.
    level : float, default 0.95
    missing : {"raise", "drop"}
        What to do with rows that lack a value.

    Returns
    -------
    Margins

    Raises
    ------
    ModelError
        The model has no such scale, or the covariate is in no formula; the message says what to do instead.

    Notes
    -----
    With predictions :math:`g(z_i'\theta)`, :math:`\mu_a = n^{-1} \sum_i g(z_i(a)'\theta)` and a comparison
    :math:`c(\mu_0, \mu_1)` (difference, or logarithm of a ratio), the error is that of
    :math:`\nabla c' V \nabla c` with the fit's own covariance V and the gradient in closed form; `data` are taken as
    fixed. The odds ratio is marginal: a ratio of the odds of averages, nearer to one than the coefficient's. Where
    the fit has degrees of freedom, the fewest of any coefficient are used.

    A single duration fit gives no risk: with competing exits it needs the hazards of all of them, and covariates
    frozen at a landmark.

    References
    ----------
    Williams, R. (2012). Using the margins command to estimate and interpret adjusted predictions and marginal
    effects. *Stata Journal*.
    Hernán, M. A. (2010). The hazards of hazard ratios. *Epidemiology*.

    Examples
    --------
    >>> import pandas as pd, bipstats as bip
    >>> rows = pd.DataFrame({"y": [0, 0, 0, 1, 0, 1, 1, 1], "x": [0, 0, 0, 0, 1, 1, 1, 1]})
    >>> bip.margins(bip.logit("y ~ x", rows), rows, "x").table[["contrast", "estimate"]].round(4).values.tolist()
    [['1 vs 0', 0.5]]
    """
    check_option("scale", scale, SCALES)
    require_frame(data)
    if isinstance(fit, Mapping):
        return _of_causes(fit, data, variable, contrast, scale, horizon, landmark, width, level, missing)
    if not isinstance(fit, Result):
        raise ModelError(f"fit is neither a fitted model nor a dict of fits but {type(fit).__name__}.")
    for name, given in (
        ("horizon", horizon is not None),
        ("landmark", landmark != 0),
        ("width", width is not None),
    ):
        if given:
            raise ModelError(f"{name}= belongs to risks at a horizon. {_CURE}")
    _check_scale(fit, scale)
    _refuse_counts(fit, data)
    columns = fit.design.columns if scale == "hazard_ratio" else fit.inputs
    rows = Worlds.of(data, variable, contrast, [fit], columns, missing)
    found = [compared(fit, scale, low, high) for low, high in rows.frames()]
    gradients, values = np.array([one.gradient for one in found]), np.array([one.value for one in found])
    covariance = fit.estimates.covariance_of(gradients)
    facts = {"compared": _quantity(fit, scale), **rows.facts(), "covariance": fit.estimates.how}
    df = fit.estimates.df
    fewest = None if df is None else np.full(len(values), df.min())
    labels = tuple(one.label for one in rows.contrasts)
    return _margins([variable] * len(values), labels, values, covariance, scale, level, facts, fewest)


_CAUSE_RATIO = "cause-specific hazard ratio, geometric mean over the rows; the same at every horizon"
_CURE = (
    "A single fit gives no risk: with competing exits a risk needs the hazards of all of them, from a landmark at "
    "which covariates are frozen. Fit every exit and write "
    'bip.margins({"job": fit, "pension": fit, ...}, landmark_data, variable, horizon=52, scale=...).'
)


def _refuse_counts(fit: Result, data: pd.DataFrame) -> None:
    """Refuse rows that stand for several: an average over them would count each once."""
    counts = getattr(getattr(fit, "specification", None), "counts", None)
    if counts is not None and counts in data.columns:
        raise ModelError(
            f"the rows stand for as many as column {counts!r} says, and margins average over rows as they are. Write "
            f"them out: data.loc[data.index.repeat(data[{counts!r}])].drop(columns={counts!r})."
        )


def _check_scale(fit: Result, scale: Scale) -> None:
    """Refuse scales on which the model says nothing."""
    name = fit.title or type(fit).__name__
    allowed: dict[str | None, tuple[Scale, ...]] = {
        "identity": ("difference",),
        "logit": ("difference", "risk_ratio", "odds_ratio"),
        "cloglog": ("difference", "risk_ratio", "odds_ratio", "hazard_ratio"),
        "log": ("hazard_ratio",),
        None: (),
    }
    scales = allowed[fit.link]
    if scale in scales:
        return
    if fit.link == "log":
        cure = (
            _CURE
            if isinstance(fit, CoxResult)
            else 'For its incidences on changed data see predict(kind="incidence").'
        )
        raise ModelError(f'scale={scale!r}: {name} gives scale="hazard_ratio" alone. {cure}')
    if not scales:
        raise ModelError(f"{name} has no average prediction: {fit.no_mean}")
    raise ModelError(f"scale={scale!r} is none of {name} ({fit.link} link); it has {', '.join(scales)}.")


def _quantity(fit: Result, scale: Scale) -> str:
    """What the averages are of."""
    if scale == "hazard_ratio":
        return f"{fit.ratio}, geometric mean over the rows"
    if isinstance(fit, HazardResult):
        return "probability of the event in a period, of those at risk in it"
    return "mean of the outcome" if fit.link == "identity" else "probability of the outcome"


def _of_causes(
    fits: Fits,
    data: pd.DataFrame,
    variable: str,
    how: How,
    scale: Scale,
    horizon: float | None,
    landmark: float,
    width: float | None,
    level: float,
    missing: Missing,
) -> Margins:
    """Risks of every cause at the horizon (or their hazard ratios, which are the same at all times)."""
    check_fits(fits)
    if horizon is None:
        raise OptionError("horizon= is missing: how long after the landmark is the risk?")
    check_time("horizon", horizon, zero=False)
    check_time("landmark", landmark, zero=True)
    models = [fit for fit in fits.values() if isinstance(fit, Result)]
    rows = Worlds.of(data, variable, how, models, columns_of(fits), missing)
    risks = LandmarkRisks(fits, rows.data, horizon, landmark, width)
    names, values, covariance = _risks_compared(fits, scale, rows, risks)
    causes = [cause for cause, _ in names]
    risk = f"cumulative incidence {horizon:g} after the landmark"
    facts = {
        "compared": risk if scale != "hazard_ratio" else _CAUSE_RATIO,
        **rows.facts(),
        "covariance": errors_of(fits),
    }
    without = ", ".join(str(cause) for cause in fits if cause not in causes)
    if without:
        facts["no ratio for"] = without
    terms, labels = [f"{cause}: {variable}" for cause in causes], tuple(label for _, label in names)
    df = fewest_df(fits)
    fewest = None if df is None else np.full(len(values), df)
    return _margins(terms, labels, values, covariance, scale, level, facts, fewest)


def _risks_compared(
    fits: Fits, scale: Scale, rows: Worlds, risks: LandmarkRisks
) -> tuple[list[tuple[str, str]], Floats, Floats]:
    """By cause and contrast: name, value, and the covariance of all of them."""
    names, values, gradients = [], [], []
    for one, (low, high) in zip(rows.contrasts, rows.frames(), strict=True):
        if scale == "hazard_ratio":
            found = {
                position: risks.log_ratio(position, compared(fit, scale, low, high))
                for position, fit in enumerate(fits.values())
                if rows.variable in fit.design.columns
            }
        else:
            found = risks.compared(scale, risks.at(low), risks.at(high))
        names += [(position, one.label) for position in found]
        values += [value for value, _ in found.values()]
        gradients += [gradient for _, gradient in found.values()]
    if not names:
        raise ModelError("every risk is zero at the horizon, before or after the change; there is no ratio.")
    order = sorted(range(len(names)), key=lambda row: names[row][0])
    causes = list(fits)
    covariance = risks.covariance(gradients)[np.ix_(order, order)]
    return [(causes[names[row][0]], names[row][1]) for row in order], np.array(values)[order], covariance


def _margins(
    terms: Sequence[str],
    contrasts: tuple[str, ...],
    values: Floats,
    covariance: Floats,
    scale: Scale,
    level: float,
    facts: dict[str, str],
    df: Floats | None,
) -> Margins:
    names = tuple(f"{term}: {label}" for term, label in zip(terms, contrasts, strict=True))
    estimates = Estimates(names, values, covariance, facts["covariance"], df)
    check_level(level)
    return Margins(estimates, tuple(terms), contrasts, scale, level, facts)
