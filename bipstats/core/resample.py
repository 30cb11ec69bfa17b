"""Loops of draws: bootstrap, permutation and simulation, with the same numbers on any number of workers."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any, TypeVar

import joblib
import numpy as np
from numpy.random import Generator, SeedSequence

from bipstats.core.columns import Ints
from bipstats.core.journal import Journal
from bipstats.core.progress import progress
from bipstats.errors import ModelError, OptionError
from bipstats.seeds import seed_sequence

T = TypeVar("T")
Calls = Iterable[tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]]

_ROUND = 8
"""Calls per worker and round where a backend gives results by the round only."""


def draws(
    task: Callable[..., T],
    n: int,
    *args: Any,
    rng: int | Generator | None,
    jobs: int | None = None,
    shown: bool | None = None,
    label: str = "draws",
    checkpoint: str | os.PathLike[str] | None = None,
    kinds: Sequence[type] = (),
) -> list[T]:
    """Run a task once per draw, each time with random numbers of its own.

    Parameters
    ----------
    task : callable
        ``task(rng, *args)``; other processes have to find it, so it is of the module level.
    n : int
        Number of draws, at least 1.
    *args
        Given to every draw; large arrays among them travel to each worker once, as far as the backend can.
    rng : None, int or numpy.random.Generator
        Draw i has the i-th child of its seed sequence.
    jobs : int, optional
        Workers, -1 for all cores; None: what ``joblib.parallel_config`` says, else one.
    shown : bool, optional
        Progress; None: only on a terminal or in a notebook.
    label : str
        Names the loop in the progress bar and in errors.
    checkpoint : str or path, optional
        File for the results of finished draws. Run again with it, the loop goes on from the first draw it lacks.
    kinds : sequence of type, optional
        Dataclasses that results may hold, where there is a checkpoint; else they are plain data: numbers, text, arrays,
        and tuples, lists and dicts of these.

    Returns
    -------
    list
        Results in the order of the draws.

    Raises
    ------
    OptionError
        An argument has no meaning; the checkpoint is of another loop (task, arguments, seed or number of draws) or
        cannot be written, or `rng` is not a whole number or a Generator, so that nothing could go on from it.
    ModelError
        The task raised; the message names the draw, the error is its cause.

    Notes
    -----
    Seeds are spawned before the first draw and results are put in order, so that the numbers do not depend on the
    number of workers, on the backend, or on how often the loop was interrupted. Workers take as many draws at a time
    as joblib thinks fit. An interruption loses the draws that are under way and those finished out of turn.

    Examples
    --------
    >>> from bipstats.core.resample import draws, uniform
    >>> one, two = (draws(uniform, 3, 10.0, rng=1, jobs=jobs) for jobs in (1, 2))
    >>> one == two
    True
    """
    _check(n, jobs)
    if checkpoint is not None and rng is None:
        raise OptionError(
            "checkpoint= needs rng=, a whole number: without it no two runs draw the same numbers."
        )
    seeds = seed_sequence(rng)
    journal = None if checkpoint is None else _journal(checkpoint, kinds, task, n, args, seeds)
    done = [] if journal is None else journal.done
    calls = (
        joblib.delayed(_one)(task, seed, args, f"{label}: draw {place + 1:,} of {n:,}")
        for place, seed in enumerate(seeds.spawn(n))
        if place >= len(done)
    )
    found = list(done)
    for result in islice(progress(chain(done, _in_order(calls, jobs)), n, label, shown), len(done), None):
        if journal is not None:
            journal.append(result)
        found.append(result)
    return found


def uniform(rng: Generator, width: float) -> float:
    """Draw one number between 0 and `width`: the smallest task, for trying out a cluster."""
    return float(rng.uniform(0, width))


def _check(n: int, jobs: int | None) -> None:
    if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 1:
        raise OptionError(f"{n!r} is not a number of draws; give a whole number of at least 1.")
    if jobs is not None and (isinstance(jobs, bool) or not isinstance(jobs, int | np.integer) or jobs == 0):
        raise OptionError(
            f"jobs={jobs!r} is not a number of workers; give a whole number, -1 for all cores, or None for what "
            "joblib.parallel_config says."
        )


def _journal(
    path: str | os.PathLike[str],
    kinds: Sequence[type],
    task: Callable[..., Any],
    n: int,
    args: tuple[Any, ...],
    seeds: SeedSequence,
) -> Journal:
    """Open the checkpoint of this loop and no other."""
    name = f"{task.__module__}.{task.__qualname__}"
    return Journal(path, f"{n} x {name} {joblib.hash((seeds.entropy, args))}", kinds)


def _one(task: Callable[..., T], seed: SeedSequence, args: tuple[Any, ...], where: str) -> T:
    try:
        return task(np.random.default_rng(seed), *args)
    except Exception as error:
        raise ModelError(f"{where} failed: {type(error).__name__}: {error}") from error


def _in_order(calls: Calls, jobs: int | None) -> Iterator[Any]:
    """Results as they come in; by the round from backends that give whole lists only (multiprocessing, ray)."""
    try:
        workers = joblib.Parallel(n_jobs=jobs, return_as="generator")
    except ValueError:
        yield from _by_rounds(iter(calls), joblib.Parallel(n_jobs=jobs))
        return
    yield from workers(calls)


def _by_rounds(calls: Iterator[Any], workers: joblib.Parallel) -> Iterator[Any]:
    with workers:
        size = _ROUND * joblib.effective_n_jobs(workers.n_jobs)
        while some := list(islice(calls, size)):
            yield from workers(some)


@dataclass(frozen=True, slots=True)
class Groups:
    """Rows by group.

    Attributes
    ----------
    rows : (n,) integer array
        Row numbers, those of a group together and ascending.
    starts : (G + 1,) integer array
        Group g has ``rows[starts[g]:starts[g + 1]]``.
    """

    rows: Ints
    starts: Ints

    @classmethod
    def of(cls, codes: Ints) -> Groups:
        """Sort codes 0..G-1, each of which occurs."""
        return cls(np.argsort(codes, kind="stable"), np.append(0, np.cumsum(np.bincount(codes))))


def resampled_groups(rng: Generator, groups: Groups) -> tuple[Ints, Ints]:
    """Draw G groups with replacement, each with all its rows.

    Returns
    -------
    rows : (m,) integer array
        Row numbers, group by group as drawn.
    group : (m,) integer array
        Number of the drawing, 0..G-1: a group that is drawn twice is two groups.

    Examples
    --------
    >>> import numpy as np
    >>> from bipstats.core.resample import Groups, resampled_groups
    >>> rows, group = resampled_groups(np.random.default_rng(2), Groups.of(np.array([0, 1, 0, 2])))
    >>> rows.tolist(), group.tolist()
    ([3, 0, 2, 0, 2], [0, 1, 1, 2, 2])
    """
    n_groups = len(groups.starts) - 1
    drawn = rng.integers(n_groups, size=n_groups)
    sizes = np.diff(groups.starts)[drawn]
    ends = np.cumsum(sizes)
    inside = np.arange(ends[-1]) - np.repeat(ends - sizes, sizes)
    rows = groups.rows[np.repeat(groups.starts[drawn], sizes) + inside]
    return rows, np.repeat(np.arange(n_groups), sizes)


def permuted_within(rng: Generator, groups: Groups) -> Ints:
    """Permute rows within their groups, every permutation equally likely.

    Returns
    -------
    (n,) integer array
        Row i takes the place of row ``result[i]``, which is of its group.
    """
    group = np.repeat(np.arange(len(groups.starts) - 1), np.diff(groups.starts))
    shuffled = groups.rows[np.lexsort((rng.random(len(group)), group))]
    found = np.empty_like(shuffled)
    found[groups.rows] = shuffled
    return found
