"""A world's parameters from the published figures: closed forms, damped updates, one regularised Newton step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from bipstats.calibration.evaluate import Archive, Task, class_levels, mean_and_error
from bipstats.calibration.jacobian import Jacobian, jacobian
from bipstats.calibration.moments import achieved, moments, wanted
from bipstats.calibration.parameters import SOLVED, Parameter, Point
from bipstats.synthetic.truth import Truth

DAMPING = 0.7
AVERAGED = 5
"""Last updates whose mean is taken."""

FLOOR = 0.006
"""Least Monte Carlo error that a moment is weighted by."""

RIDGE = 0.5
"""Standard deviation of the prior of each parameter's change, in typical steps."""

CONTROLS = 0.2
DIGITS = 4

Results = Sequence[Mapping[str, float]]


def starting_point(truth: Truth, archive: Archive, clients: int, seeds: Sequence[int]) -> Point:
    """Give a truth with the share of first answers 1 that its cuts have given."""
    tasks = [Task(Point(truth), clients, seed, CONTROLS) for seed in seeds]
    share, _ = mean_and_error(archive.all(tasks, label="start"), "belief 1")
    return Point(truth, share)


def damped_updates(
    world: str,
    point: Point,
    slopes: Mapping[Parameter, float],
    archive: Archive,
    *,
    rounds: int,
    clients: int,
    seed: int,
) -> Point:
    """Move every parameter by the gap of its own moment, in each round on a new simulated world.

    Parameters
    ----------
    world : str
    point : Point
    slopes : mapping
        Derivative of each parameter's own moment in it; parameters that are left out stay.
    archive : Archive
    rounds : int
        0 gives the point back.
    clients : int
    seed : int
        Of the first round; each next one has the next.
    """
    visited = [point]
    for number in range(rounds):
        result = archive.all([Task(point, clients, seed + number, CONTROLS)], label=f"update {number + 1}")
        gap = dict(zip(SOLVED[world], wanted(world) - achieved(world, result)[0], strict=True))
        changes = {parameter: DAMPING * float(gap[parameter]) / slope for parameter, slope in slopes.items()}
        point = point.moved(changes)
        point = replace(point, truth=class_levels(point.truth, result[0]))
        visited.append(point)
    return _mean(tuple(slopes), visited[-min(AVERAGED, rounds) :] if rounds else visited)


def _mean(parameters: Sequence[Parameter], points: Sequence[Point]) -> Point:
    """Give the mean of each parameter over points, which averages their chance out."""
    last = points[-1]
    changes = {p: float(np.mean([point.get(p) for point in points])) - last.get(p) for p in parameters}
    names = ("job_level", "other_level_with_job", "other_level_without_job")
    laws = [point.truth.interventions for point in points]
    levels = {name: float(np.mean([getattr(law, name) for law in laws])) for name in names}
    truth = replace(last.truth, interventions=replace(last.truth.interventions, **levels))
    return replace(last, truth=truth).moved(changes)


def newton_step(world: str, point: Point, results: Results, slopes: np.ndarray) -> Point:
    r"""Take one regularised step from the mean of several worlds.

    Parameters
    ----------
    world : str
    point : Point
    results : sequence
        Quantities of worlds simulated at the point.
    slopes : (K, K) array
        Moments in solved parameters.

    Notes
    -----
    Minimises :math:`\sum_k (g_k - J_k d)^2 / w_k^2 + \sum_j d_j^2 / (r_j / 2)^2` with gaps g, weights
    :math:`w_k = \max(\text{Monte Carlo error}, .006)` and typical steps r: a gap that is chance moves little, and the
    ill-conditioned directions do not run away.
    """
    found, error = achieved(world, results)
    weight = 1 / np.maximum(error, FLOOR)
    steps = np.array([parameter.step for parameter in SOLVED[world]])
    left = np.vstack([slopes * weight[:, None], np.diag(1 / (RIDGE * steps))])
    right = np.concatenate([(wanted(world) - found) * weight, np.zeros(len(steps))])
    change = np.linalg.lstsq(left, right, rcond=None)[0]
    moved = point.moved(dict(zip(SOLVED[world], map(float, change), strict=True)))
    mean = {key: float(np.mean([result[key] for result in results])) for key in results[0]}
    return replace(moved, truth=class_levels(moved.truth, mean))


def own_slopes(world: str, found: Jacobian, own: Jacobian | None = None) -> np.ndarray:
    """Give the square Jacobian of a world, columns of `own` before those of `found`."""
    kept = [found.moments.index(moment.name) for moment in moments(world)]
    columns = {path: found.slopes[kept, j] for j, path in enumerate(found.parameters)}
    if own is not None:
        columns |= {path: own.slopes[:, j] for j, path in enumerate(own.parameters)}
    return np.column_stack([columns[parameter.path] for parameter in SOLVED[world]])


def unlike(world: str, found: Jacobian) -> tuple[Parameter, ...]:
    """Parameters that a world solves and the world of a Jacobian does not: their columns must be its own."""
    shared = found.parameters[: found.solved]
    return tuple(parameter for parameter in SOLVED[world] if parameter.path not in shared)


def settled(point: Point, results: Results) -> Truth:
    """Give the truth of a point, its cuts being the mean of those of several worlds, all rounded."""
    cuts = tuple(
        round(float(np.mean([result[f"cut {k}"] for result in results])), DIGITS) for k in range(1, 5)
    )
    sections = {}
    for name, section in point.truth.sections().items():
        values = {
            key: round(value, DIGITS)
            for key in section.__slots__
            if isinstance(value := getattr(section, key), float)
        }
        sections[name] = replace(section, **values)
    truth = replace(point.truth, **sections)
    return replace(truth, belief=replace(truth.belief, cuts=cuts))


def solve(
    world: str,
    truth: Truth,
    found: Jacobian,
    archive: Archive,
    *,
    rounds: int = 12,
    clients: int = 100_000,
    seeds: Sequence[int] = tuple(range(1, 7)),
    jobs: int = 1,
) -> Truth:
    """Solve a world.

    Parameters
    ----------
    world : str
    truth : Truth
        Where to start.
    found : Jacobian
        Of this world or of E2; columns of parameters that its world does not solve are taken anew.
    archive : Archive
    rounds : int
        Damped updates; 0 where the start is close.
    clients : int
    seeds : sequence of int
        Worlds from which the Newton step is taken.
    jobs : int

    Returns
    -------
    Truth
        With four digits a parameter.
    """
    point = starting_point(truth, archive, clients, seeds[:2])
    others = unlike(world, found)
    own = jacobian(world, point, archive, seeds=seeds[:2], parameters=others, jobs=jobs) if others else None
    slopes = own_slopes(world, found, own)
    diagonal = dict(zip(SOLVED[world], np.diag(slopes).tolist(), strict=True))
    point = damped_updates(
        world, point, diagonal, archive, rounds=rounds, clients=clients, seed=1000 + max(seeds)
    )
    tasks = [Task(point, clients, seed, CONTROLS) for seed in seeds]
    results = archive.all(tasks, jobs, f"{world}: before the step")
    moved = newton_step(world, point, results, slopes)
    tasks = [Task(moved, clients, seed, CONTROLS) for seed in seeds[:2]]
    return settled(moved, archive.all(tasks, jobs, f"{world}: cuts"))
