"""The latent variables of a simulated study as a frame."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from bipstats.codebook import CLASSES
from bipstats.synthetic.actions import caseworkers_under
from bipstats.synthetic.exits import KINDS, belief, training_shift
from bipstats.synthetic.world import World


def latent_frame(world: World, ids: Any, names: Any) -> pd.DataFrame:
    """Give what no study observes: one row per client and quarter that begins before the exit.

    Returns
    -------
    DataFrame
        ``client, quarter, caseworker`` (at the quarter's start, as all that follows), ``caseworker_effect``
        (log hazard), ``orientation``, ``vulnerability``, ``background`` (log hazard), ``readiness`` (sd),
        ``health_shock``, ``prospects`` (readiness in log hazard), ``private_view``, ``belief`` (latent),
        ``hazard`` (of job or education, per quarter), ``intervention_class``, ``exit`` and ``exit_week``
        (missing if there is none before the data end).
    """
    path, persons, out = world.path, world.persons, world.out
    team = caseworkers_under(world.team, world.action)
    begins = 13 * np.arange(path.before.shape[1])
    who, when = np.nonzero(begins < np.minimum(out.week, out.followed + 1)[:, None])
    caseworker = path.before[who, when]
    faith = belief(world.truth, world.scale, persons, path, world.action.shift)[who, when]
    faith = faith + world.truth.belief.orientation * team.orientation[caseworker]
    if world.truth.training.takes_place:
        since = persons.entry[who] + 13 * when >= world.truth.training.week
        faith = faith + since * training_shift(world.truth, world.scale, path, world.trial)[who, when, 0]
    pieces = world.hazards.entry.shape[1] // path.before.shape[1]
    return pd.DataFrame(
        {
            "client": ids.take(who),
            "quarter": when.astype(np.int16),
            "caseworker": names.take(caseworker),
            "caseworker_effect": team.effect[caseworker],
            "orientation": team.orientation[caseworker],
            "vulnerability": persons.vulnerability[who],
            "background": persons.prospects[who],
            "readiness": path.readiness[who, when],
            "health_shock": path.shock[who, when],
            "prospects": path.prospects[who, when],
            "private_view": path.private_view[who, when],
            "belief": faith,
            "hazard": world.hazards.entry[who, pieces * when],
            "intervention_class": _category(path.klass[who, when], CLASSES),
            "exit": _category(out.kind[who], KINDS),
            "exit_week": pd.arrays.IntegerArray(out.week[who].astype(np.int32), out.kind[who] == 0),
        }
    )


def _category(codes: Any, levels: tuple[str, ...]) -> Any:
    return pd.Categorical.from_codes(codes, dtype=pd.CategoricalDtype(list(levels)))
