"""True effects: what a counterfactual changes in expectation, on every scale."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from bipstats.errors import OptionError
from bipstats.synthetic.actions import Action, action
from bipstats.synthetic.counts import check_size
from bipstats.synthetic.exits import Rates, expected_entry, expected_time
from bipstats.synthetic.histories import quarters
from bipstats.synthetic.streams import seeds, streams
from bipstats.synthetic.truth import Truth
from bipstats.synthetic.world import make_world

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Scaled = tuple[str, float, float]
"""Scale, value, Monte Carlo error."""

HORIZON = 52
COLUMNS = ("quantity", "scale", "value", "mc_error", "how")


def true_effect(
    truth: Truth | None = None,
    *,
    do: Mapping[str, Any],
    against: Mapping[str, Any] | None = None,
    horizon: int = HORIZON,
    clients: int = 4000,
    worlds: int = 20,
    rng: int | Generator | None = None,
) -> pd.DataFrame:
    """Give the true effect of a counterfactual on entry into job or education.

    Parameters
    ----------
    truth : Truth, optional
        World E2 if not given.
    do, against : mapping
        Counterfactuals as in `simulate`; against nothing is against the world as it is.
    horizon : int
        Weeks since enrolment.
    clients : int
        Clients in each world; what "effective" caseworkers are depends on how many there are.
    worlds : int
        Independent worlds, at least 2.
    rng : int, Generator or None

    Returns
    -------
    DataFrame
        ``quantity, scale, value, mc_error, how`` as in `Study.truth`: shares under both, risk ratio, odds ratio
        and risk difference, up to the horizon and to the end of follow-up; and the log hazard ratio, averaged
        over the expected time at risk, unless switches are intervened on (their absence changes the pieces of
        time themselves). The Monte Carlo error is that over worlds: clients and caseworkers are drawn anew.

    Raises
    ------
    OptionError
        If a counterfactual, a size or the seed is impossible.

    Notes
    -----
    Both sides share clients, caseworkers and all that was drawn for them (common random numbers), and a client's
    probability is computed from the hazards, not drawn; so the error is small: mostly that of who was drawn.

    Examples
    --------
    >>> import bipstats as bip
    >>> effect = bip.true_effect(do={"belief": 1}, clients=400, worlds=4, rng=1).set_index("scale")
    >>> float(effect.loc["log hazard ratio", "value"])
    0.4023
    >>> bool(effect.loc["risk ratio, 52 weeks", "value"] < effect.loc["hazard ratio", "value"])
    True
    """
    truth = Truth() if truth is None else truth
    if not isinstance(truth, Truth):
        raise OptionError(f"truth={truth!r} must be a bip.Truth, for example bip.scenarios()['N2'].")
    most = 13 * quarters(truth)
    if isinstance(horizon, bool) or not isinstance(horizon, Integral) or not 1 <= horizon <= most:
        raise OptionError(f"horizon={horizon!r} must be a whole number of weeks from 1 to {most}.")
    if isinstance(worlds, bool) or not isinstance(worlds, Integral) or worlds < 2:
        raise OptionError(f"worlds={worlds!r} must be a whole number of at least 2.")
    size, sides = check_size(clients, truth), (action(against), action(do))
    made = [_one_world(truth, size, seed, sides, int(horizon)) for seed in seeds(rng, int(worlds))]
    told = " and ".join(f"{key} = {value}" for key, value in do.items()) or "nothing"
    how = f"do({told}), job or education; mean over {worlds} worlds of {size} clients"
    return _frame(f"do({told})", how, np.array(made), int(horizon))


def _one_world(truth: Truth, size: int, seed: int, sides: tuple[Action, Action], horizon: int) -> list[float]:
    """Give the shares of both sides up to the horizon and to the end, and the parts of the mean log ratio."""
    before, after = (make_world(truth, size, streams(seed), what) for what in sides)
    followed = before.out.followed
    shares = [
        float(expected_entry(side.hazards, until).mean())
        for until in (horizon, followed)
        for side in (before, after)
    ]
    if sides[0].switching != sides[1].switching:
        return [*shares, np.nan, np.nan]
    change, time = log_ratio(before.hazards, after.hazards, followed)
    return [*shares, float(change.sum()), float(time.sum())]


def _frame(quantity: str, how: str, made: Floats, horizon: int) -> pd.DataFrame:
    """Give the table; one row of `made` per world."""
    import pandas as pd

    error = 1 / np.sqrt(len(made))
    rows: list[Scaled] = []
    for column, label in ((0, f"{horizon} weeks"), (2, "follow-up")):
        before, after = made[:, column], made[:, column + 1]
        for name, share in (("share without", before), ("share with", after)):
            rows.append((f"{name}, {label}", float(share.mean()), float(share.std(ddof=1) * error)))
        rows.extend(contrasts(before, after, label))
    if np.isfinite(made[:, 4]).all():
        rows.extend(mean_log_ratio(made[:, 4], made[:, 5], "log hazard ratio"))
    values = [(quantity, scale, float(f"{v:.6g}"), float(f"{e:.6g}"), how) for scale, v, e in rows]
    frame = pd.DataFrame(values, columns=list(COLUMNS))
    return frame.astype(dict.fromkeys(("quantity", "scale", "how"), pd.StringDtype("pyarrow")))


def contrasts(before: Floats, after: Floats, label: str) -> Iterator[Scaled]:
    """Compare the means of two paired sets of probabilities, with delta-method errors over the pairs."""
    p, q, root = float(before.mean()), float(after.mean()), np.sqrt(len(before))
    ratio = (after / q - before / p).std(ddof=1) / root
    yield f"risk ratio, {label}", q / p, float(q / p * ratio)
    odds = after / (q * (1 - q)) - before / (p * (1 - p))
    value = q / (1 - q) / (p / (1 - p))
    yield f"odds ratio, {label}", value, float(value * odds.std(ddof=1) / root)
    difference = after - before
    yield f"risk difference, {label}", float(difference.mean()), float(difference.std(ddof=1) / root)


def log_ratio(before: Rates, after: Rates, followed: Ints) -> tuple[Floats, Floats]:
    """Give each client's log hazard ratio, summed over the expected time at risk, and that time; (n,) each."""
    time = expected_time(before, followed)
    return (time * (np.log(after.entry) - np.log(before.entry))).sum(axis=1), time.sum(axis=1)


def mean_log_ratio(change: Floats, time: Floats, name: str) -> Iterator[Scaled]:
    """Give the ratio of two sums and its exponential, with delta-method errors over the terms."""
    value = float(change.sum() / time.sum())
    error = float((change - value * time).std(ddof=1) / time.mean() / np.sqrt(len(time)))
    yield name, value, error
    yield "hazard ratio", float(np.exp(value)), float(np.exp(value) * error)
