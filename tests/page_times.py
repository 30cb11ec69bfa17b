"""The documentation's tables of benchmarks, made from what ``benchmarks/run.py`` printed (``benchmarks/results/``)."""

from __future__ import annotations

import re
from pathlib import Path

_RUNS = Path(__file__).parent.parent / "benchmarks" / "results"
SHAPES = {
    "Q": "4,000 persons in quarters, 300 caseworkers, a fifth enter late",
    "QF": "Q, and caseworkers differ by a standard deviation of .5",
    "QR": "Q, and the outcome recurs",
    "W": "Q in weeks: equal rows repeat about 13 times",
    "S": "clients crossed with caseworkers at random, 316 x 24",
    "I": "the same, but 2,972 x 1,128",
}
_TIMED = re.compile(
    r"^  (?P<who>\S.*?) +(?P<seconds>[0-9.]+) s .*?(?P<how>cold|best of \d+)(?: +(?P<ratios>.+))?$"
)


def markdown(head: tuple[str, ...], rows: list[tuple[str, ...]], numbers: tuple[int, ...] = ()) -> str:
    """A table; columns of numbers stand at the right."""
    rule = tuple("---:" if column in numbers else "---" for column in range(len(head)))
    return "\n".join("| " + " | ".join(line) + " |" for line in (head, rule, *rows))


def timed(text: str) -> list[tuple[str, str, dict[str, str], list[tuple[str, str, str, list[str]]]]]:
    """Read what ``benchmarks/run.py`` printed: job, data, seconds of ours, and peers (name, seconds, how, ratios)."""
    found, data = [], ""
    for line in text.splitlines():
        if head := re.match(r"== (\w+): ", line):
            data = head[1]
        elif timing := _TIMED.match(line):
            who = timing["who"]
            if who.startswith("bipstats "):
                found[-1][2][who.removeprefix("bipstats ")] = timing["seconds"]
            else:
                ratios = re.findall(r"([0-9.]+) x", timing["ratios"])
                found[-1][3].append((who, timing["seconds"], timing["how"], ratios))
        elif re.match(r"[A-Za-z]", line):
            found.append((line.partition(";")[0], data, {}, []))
    return [one for one in found if one[2]]


def _short(number: str) -> str:
    """Two or three digits."""
    value = float(number)
    return f"{value:.0f}" if value >= 10 else f"{value:#.2g}" if value >= 0.1 else f"{value:.3f}"


def time_table() -> str:
    """Every timing of the committed runs."""
    rows = []
    for run in ("survival", "mixed"):
        for job, data, ours, peers in timed((_RUNS / f"{run}.txt").read_text(encoding="utf-8")):
            whole = _short(ours["whole"])
            rows += [(job, data, "–", "–", whole, "–", "–")] * (not peers)
            for who, seconds, how, ratios in peers:
                peer = f"{who.partition(' ')[0]}{' (one run)' if how == 'cold' else ''}"
                rows.append((job, data, peer, _short(seconds), whole, *map(_short, ratios)))
    head = ("job", "data", "peer", "peer, s", "whole call, s", "ratio, kernel", "ratio, whole call")
    return markdown(head, rows, numbers=(3, 4, 5, 6))


def shape_table() -> str:
    """Rows, events and covariates of the data in the committed runs."""
    rows = []
    for run in ("survival", "mixed"):
        text = (_RUNS / f"{run}.txt").read_text(encoding="utf-8")
        for name, *counts in re.findall(
            r"^== (\w+): ([0-9,]+) rows, ([0-9,]+) events, (\d+) cov", text, re.MULTILINE
        ):
            rows.append((name, *counts, SHAPES[name]))
    return markdown(("data", "rows", "events", "covariates", "what"), rows, numbers=(1, 2, 3))
