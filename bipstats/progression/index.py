"""One number for how near a client is to a job, made of the answers alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from zlib import crc32

import numpy as np
import pandas as pd

from bipstats.codebook import CASEWORKER_ITEMS, CLIENT_ITEMS, REFERENCE_RATER, indicators
from bipstats.core.columns import Floats, Ints, listed, require_columns
from bipstats.errors import ModelError, OptionError, check_option
from bipstats.figure_words import Language, axis_words, decimal_marks, say, terms
from bipstats.models.hazard import hazard
from bipstats.models.kernels.factor import one_factor
from bipstats.plotting import COLOURS, FAINT, row_axes
from bipstats.tables import Summary
from bipstats.timeline.clock import Clock
from bipstats.timeline.person_periods import person_periods
from bipstats.timeline.rounds import Rounds
from bipstats.timeline.spells import spells

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from bipstats.study.study import Study

Version = Literal["mean", "factor", "job model"]
Items = Literal["reference", "client", "caseworker"]

_SIGNIFICANT: tuple[str, ...] = tuple(indicators(significant=True)["key"])
ITEMS: dict[str, tuple[str, ...]] = {
    "reference": tuple(f"{key}_{REFERENCE_RATER[key]}" for key in _SIGNIFICANT),
    "client": tuple(f"{key}_client" for key in _SIGNIFICANT if key in CLIENT_ITEMS),
    "caseworker": tuple(f"{key}_caseworker" for key in _SIGNIFICANT if key in CASEWORKER_ITEMS),
}
"""The nine indicators said to be related to a job: by their reference rater, by the client, by the caseworker."""

_WORDS: dict[str, str] = {
    "mean": "plain mean of the items",
    "factor": "score of one common factor (regression method)",
    "job model": "linear predictor of entry into job or education, cross-fitted",
}
_FOLDS = 5


@dataclass(frozen=True, repr=False, eq=False)
class Readiness:
    """An index of readiness: weights of the items, in standard deviations of the index at the first measurement.

    Attributes
    ----------
    version : str
    items : tuple of str
        Columns of answers.
    weights : (F, k) array
        Of each item in each fold; one row where the index is not cross-fitted.
    centres, scales : (F,) arrays
        Mean and standard deviation of the weighted sum at the first measurement.
    seed : int
        Of the division of clients into folds.
    n_clients : int
        Clients with all items at the first measurement.

    Examples
    --------
    >>> import bipstats as bip
    >>> study = bip.simulate(clients=300, rng=1)
    >>> index = bip.progression.readiness(study)
    >>> index.version, len(index.items) == index.weights.shape[1]
    ('mean', True)
    """

    version: str
    items: tuple[str, ...]
    weights: Floats
    centres: Floats
    scales: Floats
    seed: int
    n_clients: int

    @property
    def table(self) -> pd.DataFrame:
        """Frame ``item, weight, least, most``: standard deviations of the index per step of the item; over folds."""
        scaled = self.weights / self.scales[:, None]
        columns = {"weight": scaled.mean(axis=0), "least": scaled.min(axis=0), "most": scaled.max(axis=0)}
        return pd.DataFrame({"item": list(self.items), **columns})

    def score(self, rows: pd.DataFrame) -> pd.Series:
        """Give the index of rows with the items' columns; NA unless all are answered.

        Parameters
        ----------
        rows : pandas.DataFrame
            As `bip.measurements`, `bip.transitions` or `bip.spells` give them: with ``client``, if the index is
            cross-fitted.

        Returns
        -------
        pandas.Series
        """
        fold = self._fold(rows)
        return (self._sum(rows, self.items, fold) - self.centres[fold]) / self.scales[fold]

    def change(self, rows: pd.DataFrame) -> pd.Series:
        """Give the change of the index to the next measurement, from the columns ``change_<item>``.

        Parameters
        ----------
        rows : pandas.DataFrame
            As `bip.transitions` and `bip.measurements` give them.

        Returns
        -------
        pandas.Series
        """
        fold = self._fold(rows)
        return self._sum(rows, tuple(f"change_{item}" for item in self.items), fold) / self.scales[fold]

    def _sum(self, rows: pd.DataFrame, columns: tuple[str, ...], fold: Ints) -> pd.Series:
        require_columns(rows, columns, "the index")
        answers = rows[list(columns)].to_numpy(dtype=float, na_value=np.nan)
        return pd.Series((answers * self.weights[fold]).sum(axis=1), index=rows.index, name="readiness")

    def _fold(self, rows: pd.DataFrame) -> Ints:
        if len(self.weights) == 1:
            return np.zeros(len(rows), np.int64)
        require_columns(rows, ["client"], "a cross-fitted index")
        return folds_of(rows["client"], len(self.weights), self.seed)

    def summary(self) -> Summary:
        """Table of the weights."""
        facts = {
            "index": _WORDS[self.version],
            "items": f"{len(self.items)}",
            "clients": f"{self.n_clients:,}",
        }
        notes = ["Weights: standard deviations of the index at the first measurement, per step of the item."]
        frame = self.table
        if len(self.weights) == 1:
            frame = frame[["item", "weight"]]
        else:
            notes.append(
                f"Cross-fitted in {len(self.weights)} folds of clients; least and most over the folds."
            )
        return Summary("Index of readiness", frame, facts, tuple(notes))

    def plot_data(self) -> pd.DataFrame:
        """Frame behind `plot`."""
        return self.table

    def plot(self, ax: Axes | None = None, *, lang: Language = "en") -> Axes:
        """Draw the weights, with their range over the folds."""
        frame = self.plot_data()
        axes = row_axes(terms(frame["item"], lang), ax, row=0.3)
        place = np.arange(len(frame))[::-1]
        axes.barh(place, frame["weight"], height=0.6, color=COLOURS[0])
        axes.hlines(place, frame["least"], frame["most"], color="black", linewidth=1)
        axes.axvline(0, color=FAINT, linewidth=0.8)
        return decimal_marks(axis_words(axes, x=say("weight_axis", lang)), lang)

    def __repr__(self) -> str:
        return str(self.summary())

    def _repr_html_(self) -> str:
        return self.summary().as_html()


def readiness(
    study: Study,
    *,
    version: Version = "mean",
    items: Items | Sequence[str] = "reference",
    seed: int = 1,
) -> Readiness:
    r"""Make an index of readiness from the answers.

    Parameters
    ----------
    study : Study
    version : {"mean", "factor", "job model"}
        The plain mean; the score of one common factor; or what predicts entry into job or education, in which each
        client's weights come from other clients.
    items : {"reference", "client", "caseworker"} or list of str
        The nine indicators that the reports call related to a job, by their reference raters or by one rater alone;
        or columns such as ``"job_search_client"``.
    seed : int
        Divides the clients into the five folds of the job model.

    Returns
    -------
    Readiness

    Raises
    ------
    ModelError
        An item is never answered or never varies, or nobody entered; the message says which.

    Notes
    -----
    All versions are weighted sums, scaled to mean 0 and standard deviation 1 at the clients' first complete
    measurement. Job model: log hazard of entry in quarters on the items alone (complementary log-log), without
    background, so that the index is of the answers only. Factor: maximum likelihood on the correlations at the first
    measurement, weights :math:`\Sigma^{-1}\lambda` (Thomson). A change of the index holds the change of the answers'
    noise too.

    References
    ----------
    Thomson, G. (1951). *The Factorial Analysis of Human Ability*. London University Press.

    Examples
    --------
    >>> import bipstats as bip
    >>> study = bip.simulate(clients=300, rng=1)
    >>> index = bip.progression.readiness(study, version="factor")
    >>> first = bip.measurements(study).query("measurement == 1")
    >>> bool(abs(index.score(first).std() - 1) < 0.1)
    True
    """
    check_option("version", version, tuple(_WORDS))
    columns = _columns(items)
    first = _first_answers(study, columns)
    if version == "job model":
        weights, fold = _job_weights(study, columns, seed, first)
    else:
        own = (
            np.full(len(columns), 1 / len(columns)) if version == "mean" else _factor_weights(first, columns)
        )
        weights, fold = own[None, :], np.zeros(len(first), np.int64)
    sums = (first[list(columns)].to_numpy(float) * weights[fold]).sum(axis=1)
    centres, scales = np.empty(len(weights)), np.empty(len(weights))
    for one in range(len(weights)):
        own_sums = first[list(columns)].to_numpy(float) @ weights[one]
        centres[one], scales[one] = own_sums.mean(), own_sums.std(ddof=1)
    if not (sums.std() > 0 and (scales > 0).all()):
        raise ModelError("the index does not vary at the first measurement.")
    return Readiness(version, columns, weights, centres, scales, int(seed), len(first))


def folds_of(client: pd.Series, folds: int, seed: int) -> Ints:
    """Fold of each row's client, 0..folds-1, from the client's name alone, so that no result need keep it."""
    names = client.astype(str)
    known = {name: crc32(f"{seed}:{name}".encode()) % folds for name in names.unique()}
    return names.map(known).to_numpy(np.int64)


def _columns(items: Items | Sequence[str]) -> tuple[str, ...]:
    if isinstance(items, str):
        check_option("items", items, tuple(ITEMS))
        return ITEMS[items]
    columns = tuple(items)
    known = [f"{key}_client" for key in CLIENT_ITEMS] + [f"{key}_caseworker" for key in CASEWORKER_ITEMS]
    unknown = [str(name) for name in columns if name not in known]
    if unknown or len(columns) < 3 or len(set(columns)) < len(columns):
        raise OptionError(
            f"items={items!r}: name three columns or more, each once, among {listed(known)}"
            + (f"; unknown: {listed(unknown)}." if unknown else ".")
        )
    return columns


def _first_answers(study: Study, columns: tuple[str, ...]) -> pd.DataFrame:
    """The first measurement of every client that has all items."""
    rounds = Rounds.of(study, Clock.of(study), 6)
    frame = pd.DataFrame(rounds.levels(np.arange(len(rounds.client)))).loc[:, list(columns)]
    never = [name for name in columns if frame[name].isna().all()]
    if never:
        raise ModelError(f"{listed(never)} is never answered; leave it out by items=[...].")
    frame.insert(0, "client", study.clients["client"].take(rounds.client).to_numpy())
    complete = frame.dropna()
    first = complete.drop_duplicates("client")
    still = [name for name in columns if len(first) < 2 or first[name].nunique() < 2]
    if still:
        raise ModelError(
            f"{listed(still)} does not vary over the {len(first):,} clients with all {len(columns)} items answered."
        )
    return first


def _factor_weights(first: pd.DataFrame, columns: tuple[str, ...]) -> Floats:
    answers = first[list(columns)].to_numpy(float)
    spread = answers.std(axis=0, ddof=1)
    correlation = np.corrcoef(answers, rowvar=False)
    if np.linalg.eigvalsh(correlation)[0] < 1e-8:
        raise ModelError("the items are linear combinations of each other; leave one out by items=[...].")
    return one_factor(correlation).score_weights / spread


def _job_weights(
    study: Study, columns: tuple[str, ...], seed: int, first: pd.DataFrame
) -> tuple[Floats, Ints]:
    """Slopes of the log hazard of entry, fitted without the clients of each fold; the folds of the first rows."""
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer):
        raise OptionError(f"seed={seed!r} is not a whole number.")
    rows = person_periods(spells(study)).dropna(subset=list(columns))
    fold = folds_of(rows["client"], _FOLDS, seed)
    weights = np.empty((_FOLDS, len(columns)))
    for one in range(_FOLDS):
        others = rows[fold != one]
        fit = hazard(" + ".join(columns), others, exposure="exposure", id="client")
        weights[one] = fit.params[list(columns)].to_numpy()
    return weights, folds_of(first["client"], _FOLDS, seed)
