"""Whether clients of optimistic caseworkers were different, judged by permutation within job centres."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bipstats.caseworkers.netting import Layout, net
from bipstats.caseworkers.outlook import Outlook
from bipstats.caseworkers.outlook_estimates import Exposed, Split
from bipstats.caseworkers.outlook_rows import Clients
from bipstats.core.columns import Floats, Ints
from bipstats.core.resample import Groups, permuted_within
from bipstats.threads import one_thread


@dataclass(frozen=True, slots=True)
class Shuffle:
    """What a permutation of the clients' characteristics needs.

    Attributes
    ----------
    outlook : Outlook
    place : int
        Of the netting.
    split : {"median", "tertiles", "continuous"}
    slopes : (p,) array
        Of the first answers in all characteristics, within caseworkers.
    first : (c,) integer array
        First answers of the clients' first caseworkers: these change places.
    groups : Groups
        Of these, by job centre.
    rows : (n,) integer array
        The analysed clients among them, a position in `first`.
    pair, centre : (n,) integer arrays
    """

    outlook: Outlook
    place: int
    split: Split
    slopes: Floats
    first: Ints
    groups: Groups
    rows: Ints
    pair: Ints
    centre: Ints


@dataclass(frozen=True, slots=True)
class Balance:
    """How characteristics go with orientation.

    Attributes
    ----------
    low, high : (p,) arrays
        Means below and above the middle of the exposure.
    difference : (p,) array
        Standardised: of groups, or per standard deviation of the exposure, within job centres.
    joint : float
        Share of the exposure's variance within job centres that all characteristics explain.
    """

    low: Floats
    high: Floats
    difference: Floats
    joint: float


def shuffle(found: Outlook, place: int, split: Split, rows: Clients) -> Shuffle:
    """Prepare the permutations."""
    answers = found.answers
    client = answers.rows["client"].astype(str).to_numpy(object)
    order = np.argsort(answers.rows["date"].to_numpy(), kind="stable")
    first = order[np.unique(client[order], return_index=True)[1]]
    position = {name: number for number, name in enumerate(client[first])}
    known = np.array([position.get(name, -1) for name in rows.ids])
    used = known >= 0
    centre = np.unique(answers.centre[first], return_inverse=True)[1]
    return Shuffle(
        found,
        place,
        split,
        net(found.layouts[1]).slopes,
        first,
        Groups.of(centre),
        known[used],
        rows.pair[used],
        rows.centre[used],
    )


def observed(task: Shuffle) -> Balance:
    """Balance as it is."""
    return _balance(task, task.outlook.answers.x, task.outlook.layouts[task.place])


def permuted(rng: np.random.Generator, task: Shuffle) -> Floats:
    """Standardised differences and the joint measure when clients come to caseworkers by chance: (p + 1,).

    Notes
    -----
    A client's characteristics move to another client's place in the job centre; the answer given there moves by what
    the characteristics are worth, and keeps the caseworker's outlook and its own noise. Everything is then estimated
    anew, so that leaving the client out has in the permutations whatever mechanical effect it has in the data.
    """
    answers = task.outlook.answers
    x = answers.x.copy()
    x[task.first] = answers.x[task.first][permuted_within(rng, task.groups)]
    y = answers.belief + (x - answers.x) @ task.slopes
    own = x if task.place else x[:, : answers.n_background]
    with one_thread():
        made = _balance(task, x, Layout.of(own, y, answers.caseworker, answers.centre))
    return np.append(made.difference, made.joint)


def _balance(task: Shuffle, x: Floats, layout: Layout) -> Balance:
    made = net(layout)
    scores = made.scores(task.outlook.before)[task.pair]
    cuts = Exposed.of(task.split, scores, np.ones(len(scores)), float(np.sqrt(made.signal)) or 1.0)
    exposed = (
        cuts.columns(scores) @ np.arange(1, len(cuts.cuts) + 1) if task.split != "continuous" else scores
    )
    own = x[task.first][task.rows]
    within_x, within = _demeaned(own, task.centre), _demeaned(exposed[:, None], task.centre)[:, 0]
    spread = own.std(axis=0)
    size, moment = float(within @ within), within @ within_x
    unit = 1.0 if task.split == "median" else exposed.std() if task.split == "continuous" else 2.0
    difference = moment / size * unit / np.where(spread > 0, spread, 1.0)
    explained = float(moment @ np.linalg.pinv(within_x.T @ within_x, rcond=1e-10, hermitian=True) @ moment)
    middle = np.median(exposed) if task.split == "continuous" else exposed.max() - 0.5
    above = exposed > middle
    below = ~above if task.split == "continuous" else exposed == 0
    return Balance(own[below].mean(axis=0), own[above].mean(axis=0), difference, explained / size)


def _demeaned(x: Floats, group: Ints) -> Floats:
    counts = np.bincount(group)
    means = np.stack([np.bincount(group, column) for column in x.T], axis=1) / counts[:, None]
    return x - means[group]
