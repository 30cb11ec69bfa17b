"""One simulated world: its quantities, kept so that no world is simulated twice."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed
from numpy.random import PCG64, Generator

from bipstats.calibration.parameters import Point
from bipstats.calibration.reference import reference
from bipstats.calibration.showing import seen
from bipstats.calibration.targets import TARGETS, fingerprint
from bipstats.core.progress import progress
from bipstats.synthetic.exits import belief
from bipstats.synthetic.streams import streams
from bipstats.synthetic.truth import Truth
from bipstats.synthetic.world import Action, World, make_world

_NOISE_SEED = 7


@dataclass(frozen=True, slots=True)
class Task:
    """One world to simulate.

    Attributes
    ----------
    point : Point
    clients, seed : int
    controls : float
        See `reference.reference`.
    """

    point: Point
    clients: int
    seed: int
    controls: float = 1.0

    def key(self) -> str:
        """Name the task by all that its result depends on but the generator's code."""
        # The text of a truth names it only; its sections are all numbers.
        sections, answer_one = self.point.truth.sections(), self.point.answer_one
        text = repr((sections, answer_one, self.clients, self.seed, self.controls, fingerprint()))
        return hashlib.sha256(text.encode()).hexdigest()[:24]


def evaluate(task: Task) -> dict[str, float]:
    """Simulate a world and give its quantities, with the cuts of the belief that it was simulated with."""
    truth = task.point.truth
    if task.point.answer_one is not None:
        bare = make_world(truth, task.clients, streams(task.seed), Action())
        truth = with_cuts(bare, task.point.answer_one)
    draws = streams(task.seed)
    world = make_world(truth, task.clients, draws, Action())
    made = reference(world, seen(world, draws), task.controls)
    return made | {f"cut {k}": cut for k, cut in enumerate(truth.belief.cuts, start=1)}


def with_cuts(world: World, answer_one: float) -> Truth:
    """Give the truth with the cuts that give the first answers on belief their published shares.

    Cuts are quantiles of the noisy latent belief at enrolment, which does not depend on them.
    """
    law = world.truth.belief
    latent = belief(world.truth, world.scale, world.persons, world.path)[:, 0]
    latent = latent + law.orientation * world.team.orientation[world.path.before[:, 0]]
    noise = Generator(PCG64(_NOISE_SEED)).standard_normal(len(latent))
    value = {target.quantity: target.value for target in TARGETS}
    top = 1 - value["belief 5"]
    below = (answer_one, value["belief 1-2"], top - value["belief 4"], top)
    cuts = np.quantile(latent + law.answer_noise * noise, below)
    return replace(world.truth, belief=replace(law, cuts=tuple(map(float, cuts))))


def class_levels(truth: Truth, found: dict[str, float]) -> Truth:
    """Shift the levels of the interventions by the log odds that their shares lack, in closed form."""
    value = {target.quantity: target.value for target in TARGETS}
    job, both = "class job only", "class job + other"
    parts = []
    for shares in (value, found):
        with_job = shares[job] + shares[both]
        total = with_job + shares["class none"] + shares["class other only"]
        parts.append(
            np.array(
                [with_job / total, shares[both] / with_job, shares["class other only"] / (total - with_job)]
            )
        )
    wanted, got = (np.log(share / (1 - share)) for share in parts)
    # Marginal log odds move less than the levels: clients differ in ways that the levels do not know.
    shift = 1.15 * (wanted - got)
    law = truth.interventions
    moved = replace(
        law,
        job_level=law.job_level + float(shift[0]),
        other_level_with_job=law.other_level_with_job + float(shift[1]),
        other_level_without_job=law.other_level_without_job + float(shift[2]),
    )
    return replace(truth, interventions=moved)


class Archive:
    """Results of tasks in a file of JSON lines; without a path they are kept in memory only."""

    def __init__(self, path: Path | None = None) -> None:
        self.path, self.known = path, {}
        if path is not None and path.exists():
            lines = path.read_text(encoding="utf-8").splitlines()
            self.known = dict(pair for line in lines for pair in json.loads(line).items())

    def all(
        self, tasks: Sequence[Task], jobs: int = 1, label: str = "worlds", show: bool | None = None
    ) -> list[dict[str, float]]:
        """Give the results of tasks in their order, simulating those that are not known."""
        for _ in progress(self._missing(tasks, jobs), self._count(tasks), label, show):
            pass
        return [self.known[task.key()] for task in tasks]

    def _count(self, tasks: Sequence[Task]) -> int:
        return len({task.key() for task in tasks} - set(self.known))

    def _missing(self, tasks: Sequence[Task], jobs: int) -> Iterator[None]:
        missing = {task.key(): task for task in tasks if task.key() not in self.known}
        runs = Parallel(n_jobs=jobs, return_as="generator")(
            delayed(evaluate)(task) for task in missing.values()
        )
        for key, result in zip(missing, runs, strict=True):
            self.known[key] = result
            if self.path is not None:
                with self.path.open("a", encoding="utf-8", newline="\n") as file:
                    file.write(json.dumps({key: result}) + "\n")
            yield


def mean_and_error(results: Sequence[dict[str, float]], quantity: str) -> tuple[float, float]:
    """Mean over worlds and its Monte Carlo standard error; NaN with one world."""
    values = np.array([result[quantity] for result in results])
    error = values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.nan
    return float(values.mean()), float(error)
