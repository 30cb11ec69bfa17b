"""Which few indicators carry the prediction, beside what the registers know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats
from scipy.special import expit

from bipstats.codebook import BACKGROUND, INDICATORS
from bipstats.core.columns import Floats, as_text, with_values
from bipstats.core.design import fit_design
from bipstats.core.estimates import check_level
from bipstats.errors import ModelError, OptionError
from bipstats.figure_words import Language, axis_words, decimal_marks, say
from bipstats.models.kernels.newton import NoMaximum
from bipstats.models.kernels.roc import weighted_areas
from bipstats.plotting import COLOURS, legend_above, new_axes, tidy_axes
from bipstats.progression.prediction import forward, predicted, stratified_folds
from bipstats.register.outcomes import Outcome, check_weeks, outcomes
from bipstats.seeds import generator
from bipstats.tables import Summary, p_text
from bipstats.timeline.landmarks import landmarks

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from bipstats.study.study import Study

_PER_FOLD = 4
_ITEMS = tuple(INDICATORS)


@dataclass(frozen=True, repr=False, eq=False)
class ShortScale:
    """Prediction by few items, by the registers, and by both.

    Attributes
    ----------
    table : pandas.DataFrame
        ``model, n_items, auc, auc_error, brier, more_auc, more_error, p_value, conf_low, conf_high``: the last five
        against the registers.
    order : pandas.DataFrame
        ``item, place, mean_place, first_three``: place on all clients, mean over the folds, and the share of folds that
        chose it among their first three.
    outcome : str
    horizon, folds, n_clients, n_entries : int
    level : float
    flow : tuple of (str, int)

    Examples
    --------
    >>> import bipstats as bip
    >>> found = bip.progression.short_scale(bip.simulate(clients=1500, rng=1), folds=2, rng=1)
    >>> found.order.columns.tolist()
    ['item', 'place', 'mean_place', 'first_three']
    """

    table: pd.DataFrame
    order: pd.DataFrame
    outcome: str
    horizon: int
    folds: int
    n_clients: int
    n_entries: int
    level: float
    flow: tuple[tuple[str, int], ...]

    @property
    def paragraph(self) -> str:
        """What it says, what it rests on."""
        own = self.table.set_index("model")
        whole = own.loc["all items"]
        half = own["auc"][own["n_items"].between(1, len(_ITEMS) - 1)]
        enough = (
            int((half > whole["auc"] - 0.01).to_numpy().argmax()) + 1
            if (half > whole["auc"] - 0.01).any()
            else 11
        )
        first = ", ".join(map(str, self.order.sort_values("place")["item"].head(3)))
        return (
            f"The items tell those who enter within {self.horizon} weeks from the others with an area of "
            f"{whole['auc']:.2f}, the registers with {float(self.table['auc'].iloc[0]):.2f}: {whole['more_auc']:+.2f} "
            f"({whole['conf_low']:+.2f} to {whole['conf_high']:+.2f}). {enough} item(s), chosen by other clients, come "
            f"within .01 of all eleven; on all clients {first} come first. Which items are chosen hangs on "
            f"chance where "
            "several say much the same (see .order), and prediction is no cause: the best predictor need not be what "
            "helps."
        )

    def summary(self) -> Summary:
        """Table of the models."""
        frame = self.table.copy()
        frame["p_value"] = [p_text(value) for value in frame["p_value"]]
        facts = {
            "outcome": f"{self.outcome.replace('_', ' ')} within {self.horizon} weeks of the first measurement",
            "clients": f"{self.n_clients:,} with {self.n_entries:,} entries; "
            + ", ".join(f"{what} {count:,}" for what, count in self.flow if count),
            "prediction": f"logit, fitted and chosen on the other of {self.folds} folds",
            "weights": "one over the chance that the data reach so far",
        }
        return Summary("Short scales", frame, facts, (self.paragraph,))

    def plot_data(self) -> pd.DataFrame:
        """Frame behind `plot`."""
        return self.table.copy()

    def plot(self, ax: Axes | None = None, *, lang: Language = "en") -> Axes:
        """Draw the area by the number of items, with those of the registers and of both."""
        frame = self.plot_data()
        axes = tidy_axes(new_axes() if ax is None else ax)
        items = frame[frame["n_items"] > 0].drop_duplicates("n_items").iloc[: len(_ITEMS)]
        half = stats.norm.ppf(0.5 + self.level / 2) * items["auc_error"]
        axes.errorbar(
            items["n_items"],
            items["auc"],
            half,
            fmt="o-",
            color=COLOURS[0],
            capsize=2,
            label=say("items", lang),
        )
        for number, name in enumerate(("register", "items and register"), start=1):
            value = float(frame.loc[frame["model"] == name, "auc"].iloc[0])
            axes.axhline(value, color=COLOURS[number], linestyle="--", linewidth=1.4, label=say(name, lang))
        axes.set_xticks(items["n_items"])
        axis_words(axes, x=say("items_axis", lang), y=say("auc_axis", lang, level=self.level))
        return decimal_marks(legend_above(axes), lang)

    def __repr__(self) -> str:
        return str(self.summary())

    def _repr_html_(self) -> str:
        return self.summary().as_html()


def short_scale(
    study: Study,
    *,
    outcome: Outcome = "job",
    horizon: int = 52,
    folds: int = 5,
    level: float = 0.95,
    rng: int | np.random.Generator | None = 0,
) -> ShortScale:
    r"""Say how few indicators predict as well as all, and whether they do better than the registers.

    Parameters
    ----------
    study : Study
    outcome : {"job_or_education", "job", "education"}
    horizon : int
        Weeks from the first measurement.
    folds : int
    level : float, default 0.95
    rng : None, int or numpy.random.Generator
        For the folds.

    Returns
    -------
    ShortScale

    Raises
    ------
    ModelError
        Too few entries for the folds, or an item or the background predicts them without error.
    OptionError
        `folds` is no whole number of at least 2.

    Notes
    -----
    The 11 indicators by their reference raters at each client's first measurement; the registers are the background.
    Forward selection by the log-likelihood of a logit, on the clients of the other folds; every client is predicted by
    models that have not seen the client, the choice of items included. Area and Brier score among those whose
    outcome is known at the horizon, weighted by one over the share of clients whose data reach to it, or to the
    exit (IPCW). Differences of areas on the same clients by their influences (DeLong's, weighted); the predictions
    are taken as given.

    References
    ----------
    DeLong, E., DeLong, D. & Clarke-Pearson, D. (1988). Comparing the areas under two or more correlated receiver
    operating characteristic curves. *Biometrics*.
    Uno, H., Cai, T., Tian, L. & Wei, L. J. (2007). Evaluating prediction rules for t-year survivors with censored
    regression models. *JASA*.

    Examples
    --------
    >>> import bipstats as bip
    >>> found = bip.progression.short_scale(bip.simulate(clients=1500, rng=1))
    >>> found.table["model"].tolist()[0], len(found.order)
    ('register', 11)
    """
    check_weeks("horizon", horizon)
    check_level(level)
    if isinstance(folds, bool) or not isinstance(folds, int | np.integer) or folds < 2:
        raise OptionError(f"folds={folds!r} is not a whole number of at least 2.")
    rows, weight, flow = _rows(study, outcome, horizon)
    entered = rows["entered"].to_numpy(float) == 1
    if min(entered.sum(), (~entered).sum()) < _PER_FOLD * folds:
        raise ModelError(
            f"{int(entered.sum()):,} of {len(entered):,} clients entered; {folds} folds need "
            f"{_PER_FOLD * folds} who did "
            "and as many who did not."
        )
    items = rows[list(_ITEMS)].to_numpy(float)
    varying = [name for name in BACKGROUND if rows[name].nunique() > 1]
    background = fit_design(" + ".join(varying), rows)[1]
    try:
        fold = stratified_folds(entered, int(folds), generator(rng))
        found = predicted(items, background, entered, weight, fold)
        order = forward(items, entered, weight)
    except NoMaximum:
        raise ModelError(
            "a combination of items or background tells in some fold who enters without error: too few entries for so "
            "many. Use fewer folds or a longer horizon."
        ) from None
    scores = np.vstack([found.register, found.items, found.both])
    return ShortScale(
        _table(entered, scores, weight, level),
        _order(order, found.order),
        outcome,
        horizon,
        int(folds),
        len(rows),
        int(entered.sum()),
        level,
        tuple(flow.items()),
    )


def _rows(study: Study, outcome: Outcome, horizon: int) -> tuple[pd.DataFrame, Floats, dict[str, int]]:
    """Clients with a known outcome, and one over the chance that the data reach so far."""
    rows = landmarks(study, at="first", horizon=horizon, outcome=outcome)
    ends = outcomes(study, outcome).set_index("client")["data_end"]
    reach = ends.reindex(rows["client"]).to_numpy(float) - rows["landmark"].to_numpy(float)
    known = rows["entered"].notna().to_numpy()
    background, empty = with_values(rows, BACKGROUND)
    complete = rows[[*_ITEMS, *background]].notna().all(axis=1).to_numpy()
    ordered = np.sort(reach)
    share = 1 - np.searchsorted(ordered, rows["weeks"].to_numpy(float), side="left") / len(ordered)
    used = known & complete
    flow = {
        "not followed to the horizon, weighted for": int((~known).sum()),
        "with missing answers or background": int((known & ~complete).sum()),
        **empty,
    }
    if not used.any():
        raise ModelError(f"no client has a known outcome and all answers: {as_text(flow)}.")
    return rows[used].reset_index(drop=True), 1 / share[used], flow


def _table(entered: np.ndarray, scores: Floats, weight: Floats, level: float) -> pd.DataFrame:
    k = len(_ITEMS)
    names = [
        "register",
        *(f"{count} item{'s' * (count > 1)}" for count in range(1, k)),
        "all items",
        "items and register",
    ]
    area, covariance = weighted_areas(entered, scores, weight)
    brier = ((expit(scores) - entered) ** 2) @ weight / weight.sum()
    contrast = np.eye(len(names)) - np.eye(len(names))[0]
    more = contrast @ area
    error = np.sqrt(np.maximum(np.diag(contrast @ covariance @ contrast.T), 0.0))
    error[0], more[0] = np.nan, np.nan
    half = stats.norm.ppf(0.5 + level / 2) * error
    return pd.DataFrame(
        {
            "model": names,
            "n_items": [0, *range(1, k + 1), k],
            "auc": area,
            "auc_error": np.sqrt(np.diag(covariance)),
            "brier": brier,
            "more_auc": more,
            "more_error": error,
            "p_value": 2 * stats.norm.sf(np.abs(more / error)),
            "conf_low": more - half,
            "conf_high": more + half,
        }
    )


def _order(order: np.ndarray, by_fold: np.ndarray) -> pd.DataFrame:
    place = np.argsort(order) + 1
    places = np.argsort(by_fold, axis=1) + 1
    return pd.DataFrame(
        {
            "item": list(_ITEMS),
            "place": place,
            "mean_place": places.mean(axis=0),
            "first_three": (places <= 3).mean(axis=0),
        }
    )
