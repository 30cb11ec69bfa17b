"""How the moments move with the parameters, and which moves of the parameters leave them where they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd

from bipstats.calibration.evaluate import Archive, Task
from bipstats.calibration.moments import moments
from bipstats.calibration.parameters import FREE, SOLVED, Parameter, Point


@dataclass(frozen=True, slots=True)
class Jacobian:
    """Derivatives of K moments in P parameters.

    Attributes
    ----------
    world : str
    moments, parameters : tuple of str
        Names; a parameter is named by its path.
    steps : (P,) array
        Typical steps.
    slopes : (K, P) array
        Per unit of the parameter.
    errors : (K, P) array
        Monte Carlo standard errors over seeds.
    solved : int
        The first so many parameters are those that the world solves.
    """

    world: str
    moments: tuple[str, ...]
    parameters: tuple[str, ...]
    steps: np.ndarray
    slopes: np.ndarray
    errors: np.ndarray
    solved: int

    def in_steps(self) -> np.ndarray:
        """Derivatives per typical step, (K, P)."""
        return self.slopes * self.steps

    def conditions(self) -> dict[str, float]:
        """Condition numbers of the solved parameters' square part: raw, unit columns, typical steps."""
        own = self.slopes[:, : self.solved]
        return {
            "raw": float(np.linalg.cond(own)),
            "unit columns": float(np.linalg.cond(own / np.linalg.norm(own, axis=0))),
            "typical steps": float(np.linalg.cond(self.in_steps()[:, : self.solved])),
        }

    def singular(self) -> pd.DataFrame:
        """Singular values and right vectors of the solved part in typical steps, the weakest last.

        The last row is the direction in which the figures say least.
        """
        own = self.in_steps()[:, : self.solved]
        _, values, vectors = np.linalg.svd(own)
        frame = pd.DataFrame(vectors, columns=list(self.parameters[: self.solved]))
        frame.insert(0, "singular value", values)
        return frame

    def ridges(self) -> pd.DataFrame:
        r"""Moves that keep all moments, to first order: one for each parameter that nothing pins.

        Notes
        -----
        With the free parameter raised by a typical step :math:`d_f`, the solved ones move by
        :math:`-J_s^{-1} J_f d_f`.
        """
        own, free = self.slopes[:, : self.solved], self.slopes[:, self.solved :]
        moves = -np.linalg.solve(own, free * self.steps[self.solved :])
        return self._moves(moves.T)

    def ridge_errors(self) -> pd.DataFrame:
        r"""Monte Carlo standard errors of `ridges`, with errors of the derivatives taken as independent.

        Notes
        -----
        To first order the moves err by :math:`J_s^{-1} e`, where e is by how much the wrong derivatives miss the
        moments: :math:`\mathrm{Var}(e_k) = \sum_j s_{kj}^2 m_j^2` over all parameters j that move by :math:`m_j`.
        """
        moves = self.ridges().iloc[:, 2:].to_numpy()
        inverse = np.linalg.inv(self.slopes[:, : self.solved])
        own, free = self.errors[:, : self.solved] ** 2, self.errors[:, self.solved :] ** 2
        missed = own @ (moves**2).T + free * self.steps[self.solved :] ** 2
        return self._moves(np.sqrt(inverse**2 @ missed).T)

    def spread(self, results: Sequence[Mapping[str, float]]) -> pd.Series:
        """Standard deviations that the solved parameters would have if one study were the data.

        Parameters
        ----------
        results : sequence
            Quantities of simulated studies of the size in question, at the same truth.
        """
        chosen = [moment for moment in moments(self.world) if moment.name in self.moments]
        values = np.array([[moment.of(result) for moment in chosen] for result in results])
        found = np.linalg.solve(self.slopes[:, : self.solved], (values - values.mean(axis=0)).T)
        return pd.Series(found.std(axis=1, ddof=1), index=list(self.parameters[: self.solved]))

    def _moves(self, rows: np.ndarray) -> pd.DataFrame:
        frame = pd.DataFrame(rows, columns=list(self.parameters[: self.solved]))
        frame.insert(0, "free parameter", list(self.parameters[self.solved :]))
        frame.insert(1, "raised by", self.steps[self.solved :])
        return frame


def jacobian(
    world: str,
    point: Point,
    archive: Archive,
    *,
    clients: int = 60_000,
    seeds: Sequence[int] = (1, 2),
    controls: float = 0.2,
    parameters: Sequence[Parameter] = (),
    jobs: int = 1,
    show: bool | None = None,
) -> Jacobian:
    """Differentiate by central differences over two typical steps, with the same random numbers on both sides.

    Parameters
    ----------
    world : str
    point : Point
        With `answer_one`, so that the cuts follow the belief and shares of answers stay.
    archive : Archive
    clients, seeds, controls
        Size of each simulated world, its seeds, and the share of rows without an event (`reference.reference`).
    parameters : sequence of Parameter, optional
        All that the world solves, and the free ones, if not given.
    jobs, show
        Processes and progress.
    """
    solved = SOLVED[world]
    parameters = tuple(parameters) or (*solved, *(free for free in FREE if free not in solved))
    moved = {
        (parameter, side): point.moved({parameter: side * parameter.step})
        for parameter, side in product(parameters, (-1, 1))
    }
    tasks = {
        (parameter, side, seed): Task(there, clients, seed, controls)
        for (parameter, side), there in moved.items()
        for seed in seeds
    }
    results = dict(zip(tasks, archive.all(list(tasks.values()), jobs, "derivatives", show), strict=True))
    chosen = moments(world)
    slopes = np.empty((len(seeds), len(chosen), len(parameters)))
    for (s, seed), (j, parameter) in product(enumerate(seeds), enumerate(parameters)):
        width = moved[parameter, 1].get(parameter) - moved[parameter, -1].get(parameter)
        width = width or 2 * parameter.step  # reliabilities move together from wherever they are
        below, above = results[parameter, -1, seed], results[parameter, 1, seed]
        slopes[s, :, j] = [(moment.of(above) - moment.of(below)) / width for moment in chosen]
    error = (
        slopes.std(axis=0, ddof=1) / np.sqrt(len(seeds))
        if len(seeds) > 1
        else np.full(slopes.shape[1:], np.nan)
    )
    return Jacobian(
        world,
        tuple(moment.name for moment in chosen),
        tuple(parameter.path for parameter in parameters),
        np.array([parameter.step for parameter in parameters]),
        slopes.mean(axis=0),
        error,
        sum(parameter in solved for parameter in parameters),
    )
