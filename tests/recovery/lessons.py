"""`python -m tests.recovery.lessons`: write the worlds' own texts anew, with the numbers of `results.csv`.

A world's `bias` and `design` quote the harness. The numbers are filled in here, and a test compares.
"""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

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
            "Train a random half of the caseworkers to believe more: the log hazard of entry rises by "
            f"{log(*trained)}, which {power(*trained)}; in F it does not rise.",
        )
        yield (
            "N2",
            "bias",
            "Noise alone makes the most and the least effective caseworkers look like 23 against 7 percent. On belief "
            f"the reference analysis gives a hazard ratio of {ratio(BELIEF, 'N2')}, where the truth is "
            f"{self._true('N2')}.",
        )
        yield (
            "N2",
            "design",
            "The spread of caseworkers net of noise (bip.caseworkers.value_added, random intercept): log hazard "
            f"{self._mean(SPREAD, 'N2')} here, {self._mean(SPREAD, 'E2')} in E2 (means of studies of 4,000 clients, "
            "errors in brackets).",
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
            "Train a random half of the caseworkers to believe more: entry rises by half as much as in E2, and to tell "
            f"a half from the whole takes about {needed(*trained, part=0.5)} clients.",
        )
        yield (
            "F",
            "bias",
            f"In large studies the reference analysis gives a hazard ratio of {ratio(BELIEF, 'F')}, where the true "
            "effect of belief is none.",
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
            f"In large studies the reference analysis gives a hazard ratio of {ratio(BELIEF, 'S')}, where the true "
            "effect of belief is none; optimistic caseworkers seem to bring jobs.",
        )
        yield (
            "S",
            "design",
            "After a change of caseworker, the former one's orientation: log hazard "
            f"{log(FORMER, 'S')} per step of belief here, {log(FORMER, 'E2')} in E2. The first {power(FORMER, 'S')}.",
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
            f"{log(BEFORE, 'RTM')} standard deviations for job + other against none, {log(BEFORE, 'E2')} in E2. "
            f"The first {power(BEFORE, 'RTM')}.",
        )
        yield (
            "trouble",
            "bias",
            f"In large studies the reference analysis gives a hazard ratio of {ratio(SWITCH, 'trouble')}, where the "
            "true effect is none.",
        )
        left, alone = (log((DEPARTURES, name), "trouble") for name in (LEFT, ALONE))
        yield (
            "trouble",
            "design",
            f"Departures, which move whole caseloads whatever their state: log hazard {left} after them against "
            f"{alone} after clients' own changes; in E2 {log((DEPARTURES, LEFT), 'E2')} and "
            f"{log((DEPARTURES, ALONE), 'E2')}.",
        )
        yield (
            "dropout",
            "bias",
            "Among those measured again change looks better than it is: without an intervention "
            f"{log(STILL, 'dropout')} standard deviations a quarter, {log(STILL, 'E2')} in E2.",
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
        return f"{_short(np.exp(limit.value))} (error of its log {_short(limit.mc_error, 3)})"

    def _true(self, world: str) -> str:
        return f"{np.exp(bip.scenarios()[world].hazard.belief):.2f}"

    def _log(self, what: tuple[str, str], world: str) -> str:
        """The limit with its Monte Carlo error."""
        limit = self._line(what, world).limit
        return _with_error(limit.value, limit.mc_error)

    def _mean(self, what: tuple[str, str], world: str) -> str:
        """The mean over studies with its Monte Carlo error."""
        line = self._line(what, world)
        bias = performance(line.tally, results.Number(line.limit.value, 0.0), None)["bias, limit"]
        return _with_error(line.limit.value + bias.value, bias.mc_error)

    def _power(self, what: tuple[str, str], world: str) -> str:
        """Power at the size of a study, and the size for .8."""
        line = self._line(what, world)
        power = performance(line.tally, line.limit, None)["power"]
        found = f"is found with a power of {_short(power.value)} ({_short(power.mc_error)}) by {CLIENTS:,} clients"
        return found if power.value > 0.8 else f"{found} and of .8 by about {self._needed(what, world)}"

    def _needed(self, what: tuple[str, str], world: str, part: float = 1.0) -> str:
        """Clients for a power of .8 against a part of the limit, by the errors that studies report; two digits."""
        line = self._line(what, world)
        error = performance(line.tally, line.limit, None)["reported error"].value
        size = CLIENTS * (POWER * error / (part * line.limit.value)) ** 2
        digits = 10 ** (int(np.log10(size)) - 1)
        return f"{round(size / digits) * digits:,}"


def _with_error(value: float, error: float) -> str:
    """A number and its error in brackets, to the digit in which the error can be seen."""
    digits = 2 if error >= 0.005 else 3
    return f"{_short(value, digits)} ({_short(error, digits)})"


def _short(value: float, digits: int = 2) -> str:
    """Decimals without the zero before them."""
    text = f"{value:.{digits}f}"
    if not float(text):
        return f"under .{'0' * (digits - 1)}1" if value else "0"
    return text.replace("0.", ".", 1) if abs(value) < 1 else text


def write(texts: dict[tuple[str, str], str], folder: Path) -> list[str]:
    """Put the texts into the worlds' files of a source tree; say which have changed."""
    changed = []
    for (world, kind), text in texts.items():
        path = folder / "truth.py" if world == "E2" else folder / "worlds" / f"{world}.toml"
        before = path.read_text(encoding="utf-8")
        after, count = _in_python(before, kind, text) if world == "E2" else _in_toml(before, kind, text)
        if count != 1:
            raise LookupError(f"{path.name} has {count} texts called {kind}, not one")
        if after != before:
            path.write_text(after, encoding="utf-8", newline="\n")
            changed.append(f"{world}.{kind}")
    return changed


def _in_toml(source: str, kind: str, text: str) -> tuple[str, int]:
    line = f"{kind} = {json.dumps(text, ensure_ascii=False)}"
    return re.subn(rf"^{kind} = .*$", lambda _: line, source, flags=re.MULTILINE)


def _in_python(source: str, kind: str, text: str) -> tuple[str, int]:
    """Constants of the default world: strings in brackets, a line each."""
    lines = textwrap.wrap(text, 110, drop_whitespace=False)
    value = "(\n" + "".join(f"    {json.dumps(line)}\n" for line in lines) + ")"
    return re.subn(
        rf"^_E2_{kind.upper()} = \(\n.*?\n\)$",
        lambda _: f"_E2_{kind.upper()} = {value}",
        source,
        flags=re.MULTILINE | re.DOTALL,
    )


if __name__ == "__main__":
    package = Path(bip.__file__).parent / "synthetic"
    print("\n".join(write(Lessons(results.read()).texts(), package)) or "Nothing has changed.")
