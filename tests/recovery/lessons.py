"""`python -m tests.recovery.lessons`: what the worlds' own texts must say, with the numbers of `results.csv`.

A world's `bias` and `design` quote the harness. The numbers are filled in here, and a test compares.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

import bipstats as bip

from . import results
from .rows.interventions import PLACEBO
from .rows.progression import NONE
from .rows.switches import ALONE, LEFT
from .tally import performance
from .worlds import CLIENTS

POWER = 1.959964 + 0.841621
"""Standard errors that an effect must have to be found with a power of .8."""
BELIEF = ("belief, reference", "clustered by caseworker")
TRAINING = ("training of caseworkers", "log hazard ratio")
FORMER = ("orientation after a change of caseworker", "former caseworker")
SWITCH = ("switch, reference", "after a first switch")
DEPARTURES = "switch, departures apart"
BOTH = ("progression, least squares", "job + other")
STILL = ("progression, least squares", NONE)
BEFORE = ("interventions, job + other against none", PLACEBO)
SPREAD = ("value added, spread net of noise", "likelihood, random intercept")


class Lessons:
    """Texts of the worlds, with the numbers of results."""

    def __init__(self, lines: dict[results.Key, results.Line]) -> None:
        self._lines = lines

    def texts(self) -> dict[tuple[str, str], str]:
        """(world, ``bias`` or ``design``) -> text; what quotes no number is left out."""
        return {(world, kind): text for world, kind, text in self._all()}

    def _all(self) -> Iterator[tuple[str, str, str]]:
        ratio, log, power, needed = self._ratio, self._log, self._power, self._needed
        trained = TRAINING, "training_E2"
        yield (
            "E2",
            "bias",
            "Noise in the answers biases the reference analysis both ways: "
            f"in large studies its hazard ratio is {ratio(BELIEF, 'E2')}, where the truth is {self._true('E2')}.",
        )
        yield (
            "E2",
            "design",
            f"Train a random half of the caseworkers to believe more: the log hazard of entry rises by {log(*trained)}, "
            f"which {power(*trained)}; in F it does not rise.",
        )
        yield (
            "N2",
            "bias",
            "Noise alone makes the most and the least effective caseworkers look like 23 against 7 percent. On belief "
            f"the reference analysis gives a hazard ratio of {ratio(BELIEF, 'N2')}, where the truth is {self._true('N2')}.",
        )
        yield (
            "N2",
            "design",
            "The spread of caseworkers net of noise (bip.caseworkers.value_added, random intercept): log hazard "
            f"{self._mean(SPREAD, 'N2')} here, {self._mean(SPREAD, 'E2')} in E2 (means of studies of 4,000 clients, errors "
            "in brackets); the test of no differences by permutation tells the two apart in one study.",
        )
        yield (
            "H",
            "bias",
            "The reference analysis cannot tell it from E2: in large studies its hazard ratio is "
            f"{ratio(BELIEF, 'H')}, where the truth is {self._true('H')}.",
        )
        yield (
            "H",
            "design",
            "Train a random half of the caseworkers to believe more: entry rises by half as much as in E2, and to tell a "
            f"half from the whole takes about {needed(*trained, part=0.5)} clients.",
        )
        yield (
            "F",
            "bias",
            f"In large studies the reference analysis gives a hazard ratio of {ratio(BELIEF, 'F')}, where the true effect "
            "of belief is none.",
        )
        yield (
            "F",
            "design",
            "Train a random half of the caseworkers to believe more: entry does not rise (log hazard "
            f"{log(TRAINING, 'training_F')}); E2's rise is ruled out with a power of .8 by about {needed(*trained)} "
            "clients. No analysis of what is merely observed tells F from E2.",
        )
        yield (
            "S",
            "bias",
            f"In large studies the reference analysis gives a hazard ratio of {ratio(BELIEF, 'S')}, where the true effect "
            "of belief is none; optimistic caseworkers seem to bring jobs.",
        )
        yield (
            "S",
            "design",
            "After a change of caseworker, the former one's orientation: log hazard "
            f"{log(FORMER, 'S')} per step of belief here, {log(FORMER, 'E2')} in E2, which {power(FORMER, 'S')}.",
        )
        yield (
            "RTM",
            "bias",
            "Progression by class shows regression to the mean in place of an effect: "
            f"{log(BOTH, 'RTM')} standard deviations a quarter more with job + other than with none.",
        )
        yield (
            "RTM",
            "design",
            "The class of a quarter on the change of the quarter before, which it cannot have caused: "
            f"{log(BEFORE, 'RTM')} standard deviations for job + other against none, {log(BEFORE, 'E2')} in E2; "
            f"this {power(BEFORE, 'RTM')}.",
        )
        yield (
            "trouble",
            "bias",
            f"In large studies the reference analysis gives a hazard ratio of {ratio(SWITCH, 'trouble')}, where the true "
            "effect is none.",
        )
        left, alone = (log((DEPARTURES, name), "trouble") for name in (LEFT, ALONE))
        yield (
            "trouble",
            "design",
            f"Departures, which move whole caseloads whatever their state: log hazard {left} after them against {alone} "
            f"after clients' own changes; in E2 {log((DEPARTURES, LEFT), 'E2')} and {log((DEPARTURES, ALONE), 'E2')}.",
        )
        yield (
            "dropout",
            "bias",
            "Among those measured again every class seems to rise: without an intervention by "
            f"{log(STILL, 'dropout')} standard deviations a quarter, where it is {log(STILL, 'E2')} in E2.",
        )
        yield (
            "training_E2",
            "design",
            f"The arms themselves: the log hazard of entry is {log(*trained)} higher with a trained caseworker at "
            f"enrolment, which {power(*trained)}.",
        )
        yield (
            "training_F",
            "design",
            f"The arms themselves: the log hazard of entry is {log(TRAINING, 'training_F')} higher with a trained "
            f"caseworker, {log(*trained)} in training_E2.",
        )

    def _line(self, what: tuple[str, str], world: str) -> results.Line:
        return self._lines[world, *what]

    def _ratio(self, what: tuple[str, str], world: str) -> str:
        """The limit as a ratio."""
        limit = self._line(what, world).limit
        return f"{np.exp(limit.value):.2f} (error of its log {_short(limit.mc_error)})"

    def _true(self, world: str) -> str:
        return f"{np.exp(bip.scenarios()[world].hazard.belief):.2f}"

    def _log(self, what: tuple[str, str], world: str) -> str:
        """The limit with its Monte Carlo error."""
        limit = self._line(what, world).limit
        return f"{_short(limit.value)} ({_short(limit.mc_error)})"

    def _mean(self, what: tuple[str, str], world: str) -> str:
        """The mean over studies with its Monte Carlo error."""
        line = self._line(what, world)
        bias = performance(line.tally, results.Number(line.limit.value, 0.0), None)["bias, limit"]
        return f"{_short(line.limit.value + bias.value)} ({_short(bias.mc_error)})"

    def _power(self, what: tuple[str, str], world: str) -> str:
        """Power at the size of a study, and the size for .8."""
        line = self._line(what, world)
        power = performance(line.tally, line.limit, None)["power"]
        found = f"is found with a power of {_short(power.value)} ({_short(power.mc_error)}) by {CLIENTS:,} clients"
        return found if power.value > 0.8 else f"{found} and of .8 by about {self._needed(what, world)}"

    def _needed(self, what: tuple[str, str], world: str, part: float = 1.0) -> str:
        """Clients for a power of .8 against a part of the limit, by the spread over studies; two digits."""
        line = self._line(what, world)
        sd = performance(line.tally, line.limit, None)["empirical error"].value
        size = CLIENTS * (POWER * sd / (part * line.limit.value)) ** 2
        digits = 10 ** (int(np.log10(size)) - 1)
        return f"{round(size / digits) * digits:,}"


def _short(value: float) -> str:
    """Two or three decimals without the zero before them: errors below .005 need the third."""
    text = f"{value:.2f}" if abs(value) >= 0.0095 else f"{value:.3f}"
    return text.replace("0.", ".", 1)


if __name__ == "__main__":
    for (world, kind), text in Lessons(results.read()).texts().items():
        said = getattr(bip.scenarios()[world], kind)
        print(f"{world}.{kind}{'' if said == text else '  CHANGED'}: {text}")
