"""What the study of a simulated world shows, as arrays."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.random import Generator

from bipstats.calibration.seen import Bools, Floats, Ints, Seen
from bipstats.codebook import CASEWORKER_ITEMS, INDICATORS, INTERVENTION_TYPES, REFERENCE_RATER
from bipstats.replication.frames import CLIENT_SIX, QUARTER
from bipstats.synthetic.actions import caseworkers_under
from bipstats.synthetic.answers import answers, latent_beliefs
from bipstats.synthetic.exits import belief
from bipstats.synthetic.histories import NO_SWITCH
from bipstats.synthetic.interventions import records
from bipstats.synthetic.measurement import pairs
from bipstats.synthetic.world import World
from bipstats.timeline.classes import TRAILING, TYPES, Records
from bipstats.timeline.steps import Events

SUSTAINED = 4
"""Weeks in a row that make an exit, as in `bip.spells`."""

_SIX = [INDICATORS.index(key) for key in CLIENT_SIX]
_KIND = np.array([TYPES.index(INTERVENTION_TYPES[code]) for code in sorted(INTERVENTION_TYPES)])
_BY_CASEWORKER = [key in CASEWORKER_ITEMS and REFERENCE_RATER[key] == "caseworker" for key in INDICATORS]


def seen(world: World, draws: Mapping[str, Generator]) -> Seen:
    """Give what the study of a world shows; `draws` are the world's own streams, as `simulate` uses them."""
    truth, persons, path, out = world.truth, world.persons, world.path, world.out
    team = caseworkers_under(world.team, world.action)
    chosen = pairs(truth, path, out, world.plan)
    latent = belief(truth, world.scale, persons, path, world.action.shift)
    faith = latent_beliefs(truth, world.scale, persons, team, latent, world.trial, chosen)
    given = answers(truth, persons, team, path, faith, chosen, draws["answers"])
    data_end = out.followed - (SUSTAINED - 1)
    inside = (out.kind > 0) & (out.week <= data_end)
    client, quarter = np.nonzero(path.switch < NO_SWITCH)
    week = QUARTER * quarter + path.switch[client, quarter] + 1
    known = week <= np.minimum(out.week, out.followed)[client]
    client, quarter, week = client[known], quarter[known], week[known]
    return Seen(
        centre=persons.centre,
        background=_background(world),
        week=np.where(inside, out.week, data_end),
        data_end=data_end,
        kind=np.where(inside, np.minimum(out.kind, 3), 0).astype(np.int64),
        first_caseworker=path.before[:, 0].astype(np.int64),
        measured=Events(chosen.client, chosen.week),
        quarter=chosen.quarter,
        rater=chosen.caseworker,
        scores=np.where(_BY_CASEWORKER, given.caseworker, given.client),
        own=given.client[:, _SIX],
        changed=Events(client, week),
        new_caseworker=path.after[client, quarter].astype(np.int64),
        classes=path.klass,
        class_changes=_class_changes(world, inside & (out.kind <= 2), draws["codes"]),
    )


def _class_changes(world: World, entered: Bools, rng: Generator) -> tuple[Ints, Ints]:
    """Weeks in which the class of the trailing window changes, of clients who enter."""
    entry = world.persons.entry
    made = records(world.truth, world.persons, world.path, world.out, rng)
    rows = np.flatnonzero(entered[made.client])
    who = made.client[rows]
    first, last = made.first[rows] // 7 - entry[who], made.last[rows] // 7 - entry[who]
    kept = Records(who, first, last, _KIND[made.code[rows] - 1])
    client, week = kept.points()
    now = kept.classes(client, week - TRAILING + 1, week)
    differs = now != kept.classes(client, week - TRAILING, week - 1)
    return client[differs], week[differs]


def _background(world: World) -> Floats:
    """Columns of the background; which level of a pair is 1 changes no other coefficient."""
    persons, weeks = world.persons, world.truth.calendar.history_weeks
    has = persons.traits
    support = weeks - persons.job_weeks - persons.self_support_weeks
    columns = (
        persons.female,
        persons.age,
        *(has[name] for name in ("single", "non_western", "unqualified", "mental")),
        *(has[name] for name in ("musculoskeletal", "convicted")),
        persons.job_weeks / weeks,
        support / weeks,
    )
    return np.column_stack([column.astype(float) for column in columns])
