"""What the page draws, as tables of strips and two pictures, each with its numbers in text."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd
from markupsafe import Markup

from bipstats.codebook import CLASSES, label
from bipstats.replication.page.curves import at_ticks, caterpillar, step_curves, weeks_axis
from bipstats.replication.page.rows import anchor, tone
from bipstats.replication.page.speech import Speech, capital
from bipstats.replication.page.strips import Axis, axis_over, scale_line, strip
from bipstats.replication.plot_words import word
from bipstats.replication.verdict import CALIBRATED

if TYPE_CHECKING:
    from bipstats.replication.result import Replication

_NAN = float("nan")
_SHARE, _RATIO, _CHANGE = "share of clients", "hazard ratio", "sd of the index per quarter"
PERCENTILES = (10, 25, 50, 75, 90)
_BRANCHES = ("year", "again", "job", "education")
"""Steps that leave the main path."""

_DESIGN_WORDS = {
    "observed": "observed",
    "adjusted": "adjusted_means",
    "items of the client": "client_items",
    "items of the caseworker": "caseworker_items",
}


@dataclass(frozen=True)
class Charts:
    """The drawings of a replication in one language; each is None where the study cannot give it.

    Parameters
    ----------
    replication : Replication
    say : Speech
    """

    replication: Replication
    say: Speech

    def flow(self) -> list[dict[str, Any]]:
        """Steps of the flow of clients, with bars as long as they have clients."""
        frame = self.replication.flow
        if frame.empty:
            return []
        whole = max(int(frame["clients"].iloc[0]), 1)
        return [self._step(row, whole) for row in frame.to_dict("records")]

    def _step(self, row: dict[Any, Any], whole: int) -> dict[str, Any]:
        hidden = pd.isna(row["clients"])
        return {
            "key": row["key"],
            "branch": row["key"] in _BRANCHES,
            "clients": self.say("flow.few") if hidden else self.say.count(row["clients"]),
            "lost": "" if hidden or not row["of"] or not row["left_out"] else self.say.count(row["left_out"]),
            "width": 0 if hidden else round(100 * int(row["clients"]) / whole, 2),
        }

    def forest(self) -> dict[str, Any] | None:
        """The headline ratios with the published marks."""
        frame = self.replication.plot_data()
        if frame.empty:
            return None
        axis = self._over(frame, ("published", "conf_low", "conf_high"), reference=1.0, logarithmic=True)
        verdicts = self.replication.table.set_index("id")["verdict"]
        rows = [
            {
                "id": row["id"].split(" ")[0],
                "anchor": anchor(row["id"]),
                "label": capital(self._headline(row["id"])),
                "drawing": strip(axis, row["estimate"], row["conf_low"], row["conf_high"], row["published"]),
                "published": self.say.published(row["published"], _RATIO),
                **self._estimate(row, _RATIO),
                "verdict": verdicts[row["id"]].removeprefix(CALIBRATED),
                "tone": tone(verdicts[row["id"]]),
                "calibrated": verdicts[row["id"]].startswith(CALIBRATED),
            }
            for row in frame.to_dict("records")
        ]
        return {"rows": rows, "scale": self._scale(axis)}

    def _headline(self, name: str) -> str:
        return self.say(f"forest.{name}") if self.say.knows(f"forest.{name}") else name

    def entry(self) -> dict[str, Any] | None:
        """The curves of entry by belief, and the numbers at half-yearly ticks."""
        frame = self.replication.incidence
        if frame.empty:
            return None
        named = {1: self.say("entry.lowest"), 5: self.say("entry.highest")}
        levels = sorted(int(level) for level in frame["belief"].unique())
        curves = [(n, named.get(n, str(n)), frame[frame["belief"] == n]) for n in levels]
        up = self._up(frame["incidence"])
        digits = [self.say.digits(f"{100 * tick:g}") for tick in up.ticks]
        ticks = weeks_axis(int(frame["week"].max())).ticks
        return {
            "drawing": step_curves(curves, up, digits, self.say("entry.heading")),
            "ticks": [int(tick) for tick in ticks],
            "places": [weeks_axis(int(frame["week"].max())).at(tick) for tick in ticks],
            "rows": [
                {
                    "level": level,
                    "name": name,
                    "cells": [self._moment(cell) for cell in at_ticks(part, ticks)],
                }
                for level, name, part in reversed(curves)
            ],
        }

    def _moment(self, cell: dict[str, float] | None) -> dict[str, str]:
        if cell is None:
            return {"at_risk": "", "incidence": ""}
        incidence = self.say.number(cell["incidence"], _SHARE)
        return {"at_risk": self.say.count(int(cell["at_risk"])), "incidence": incidence}

    def caterpillar(self) -> dict[str, Any] | None:
        """Caseworkers by their shrunken rate."""
        frame = self.replication.caterpillar
        if frame.empty:
            return None
        overall = float(frame["overall"].iloc[0])
        up = self._up(frame["conf_high"], reference=overall)
        above, below = int((frame["conf_low"] > overall).sum()), int((frame["conf_high"] < overall).sum())
        counts = {"n": len(frame), "above": above, "below": below}
        shown = self.say("caterpillar.shown", **{key: self.say.count(value) for key, value in counts.items()})
        return {
            "drawing": caterpillar(
                frame, up, [self.say.digits(f"{100 * tick:g}") for tick in up.ticks], shown
            ),
            "shown": shown,
            "overall": self.say.digits(f"{100 * overall:.1f}"),
            "percentiles": PERCENTILES,
            "spread": self._quantiles(frame),
        }

    def _quantiles(self, frame: pd.DataFrame) -> list[dict[str, Any]]:
        """The distribution in numbers: no row is a caseworker."""
        return [
            {
                "kind": name,
                "cells": [
                    self.say.digits(f"{100 * frame[name].quantile(cut / 100):.1f}") for cut in PERCENTILES
                ],
            }
            for name in ("adjusted", "shrunken")
        ]

    def thought(self) -> dict[str, Any] | None:
        """The thought experiment: as published, by the naive and by the feasible rule."""
        frame = self.replication.thought_experiment
        if frame.empty:
            return None
        printed = frame.loc[frame["kind"] == "published", "share"]
        axis = self._over(
            frame, ("share", "conf_low", "conf_high"), reference=float(printed.max()), least=0.0
        )
        groups = []
        for kinds in (("published",), ("actual",), ("naive",), ("feasible",), ("oracle",)):
            rows = frame[frame["kind"].isin(kinds)].to_dict("records")
            if rows:
                groups.append({"kind": kinds[0], "rows": [self._thought_row(axis, row) for row in rows]})
        ticks = [self.say.digits(f"{100 * tick:g}") for tick in axis.ticks]
        return {"groups": groups, "scale": scale_line(axis, ticks), "empty": strip(axis, _NAN)}

    def _thought_row(self, axis: Axis, row: dict[Any, Any]) -> dict[str, Any]:
        kind = row["kind"]
        if kind == "published":
            name = self.say("thought.effective" if row["group"] else "thought.published_actual")
            drawing = strip(axis, _NAN, published=row["share"])
        else:
            name = self.say("thought.actual") if kind == "actual" else word(row["group"], self.say.lang)
            drawing = strip(axis, row["share"], row["conf_low"], row["conf_high"], kind=kind)
        shown = self._estimate({**row, "estimate": row["share"]}, _SHARE)
        if kind == "published":
            shown["estimate"] = self.say.published(row["share"], _SHARE)
        return {"label": capital(name), "drawing": drawing, **shown}

    def classes(self) -> list[dict[str, Any]]:
        """Progression by class, a table for each design; the first is the ledger's."""
        frame = self.replication.classes
        if frame.empty:
            return []
        axis = self._over(frame, ("conf_low", "conf_high"), reference=0.0)
        ticks = [self.say.digits(f"{tick:g}") for tick in axis.ticks]
        return [
            {
                "design": capital(word(_DESIGN_WORDS[design], self.say.lang)),
                "rows": [self._class(axis, row) for row in self._in_order(frame[frame["design"] == design])],
                "scale": scale_line(axis, ticks),
            }
            for design in dict.fromkeys(frame["design"])
        ]

    def _in_order(self, rows: pd.DataFrame) -> Iterable[dict[Any, Any]]:
        return sorted(rows.to_dict("records"), key=lambda row: CLASSES.index(row["class"]))

    def _class(self, axis: Axis, row: dict[Any, Any]) -> dict[str, Any]:
        return {
            "label": label(row["class"], self.say.lang, kind="class"),
            "published": self.say.label(row["published"]),
            "drawing": strip(axis, row["estimate"], row["conf_low"], row["conf_high"]),
            "n": self.say.count(row["n"]),
            **self._estimate(row, _CHANGE),
        }

    def indicators(self) -> dict[str, Any] | None:
        """The indicators, ranked by the estimate."""
        frame = self.replication.indicators
        if frame.empty:
            return None
        axis = self._over(frame, ("conf_low", "conf_high"), reference=1.0, logarithmic=True)
        rows = [
            {
                "rank": row["rank"],
                "label": label(row["indicator"], self.say.lang, kind="indicator"),
                "rater": label(row["rater"], self.say.lang).lower(),
                "significant": bool(row["published"]),
                "drawing": strip(
                    axis, row["estimate"], row["conf_low"], row["conf_high"],
                    kind="estimate" if row["published"] else "estimate open",
                ),
                **self._estimate(row, _RATIO),
            }
            for row in frame.to_dict("records")
        ]  # fmt: skip
        return {"rows": rows, "scale": self._scale(axis)}

    def _estimate(self, row: dict[Any, Any], scale: str) -> dict[str, str]:
        """A number and its interval as text."""
        known = pd.notna(row["conf_low"]) and pd.notna(row["conf_high"])
        interval = pd.Interval(row["conf_low"], row["conf_high"], closed="both") if known else None
        return {
            "estimate": self.say.number(row["estimate"], scale),
            "interval": self.say.range(interval, scale),
        }

    def _over(
        self,
        frame: pd.DataFrame,
        names: tuple[str, ...],
        reference: float | None,
        logarithmic: bool = False,
        least: float | None = None,
    ) -> Axis:
        values = [float(value) for name in names for value in frame[name]]
        return axis_over(
            values if least is None else [*values, least], reference=reference, logarithmic=logarithmic
        )

    def _up(self, values: pd.Series, reference: float | None = None) -> Axis:
        """A vertical axis of shares from zero."""
        found = axis_over([0.0, float(values.max())], reference=None)
        return Axis(
            0.0, float(values.max()) * 1.05 or 1.0, tuple(t for t in found.ticks if t >= 0), reference
        )

    def _scale(self, axis: Axis) -> Markup:
        return scale_line(axis, [self.say.digits(f"{tick:g}") for tick in axis.ticks])
