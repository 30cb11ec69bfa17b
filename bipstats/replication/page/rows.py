"""Rows of the ledger as the page shows them: one line each, and what it unfolds to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from math import isnan, log
from typing import TYPE_CHECKING, Any

import pandas as pd
from markupsafe import Markup

from bipstats.codebook import published, sources
from bipstats.replication.model_table import ModelTable
from bipstats.replication.page.speech import Speech, capital, typeset
from bipstats.replication.targets import Target, targets
from bipstats.replication.verdict import (
    AGREEING,
    CALIBRATED,
    DISAGREEING,
    OTHER,
    RATIO_MARGIN,
    VERDICTS,
    share_margin,
)

if TYPE_CHECKING:
    from bipstats.replication.result import Replication

SECTIONS: dict[str, tuple[str, ...]] = {
    "caseworkers": ("E01", "E01b", "E01c", "E02", "E02b", "E03", "E04"),
    "belief": ("E05", "E06", "E07", "E08", "E09", "E09d", "E10"),
    "between": ("E11", "E12", "E13", "E14", "E15"),
    "windows": ("E17", "E18", "E19", "E20", "E21", "E22"),
    "progression": ("E23", "E24", "E25", "E26"),
    "clients": ("E16", "E32", "E33", "E34", "E34b"),
    "claims": ("E27", "E28", "E29", "E30", "E31"),
}
"""Key of a heading -> figures below it."""

_UNKNOWN = ("none", "not found")
_LAST = 1e6
"""Weight of a row without a difference, when rows are sorted by it."""


def tone(word: str) -> str:
    """Class of colour of a verdict."""
    word = word.removeprefix(CALIBRATED)
    if word in AGREEING:
        return "agree"
    if word in DISAGREEING:
        return "disagree"
    return "none" if word in OTHER and word != "depends on definition" else "open"


def anchor(name: str) -> str:
    """The id of a row on the page."""
    return "row-" + name.replace(" ", "-")


@dataclass(frozen=True)
class Rows:
    """The ledger of a replication in one language.

    Parameters
    ----------
    replication : Replication
    say : Speech
    """

    replication: Replication
    say: Speech

    @cached_property
    def figures(self) -> pd.DataFrame:
        """The published figures, statements in the language of the page."""
        return published(self.say.lang).set_index("id")

    @cached_property
    def declared(self) -> dict[str, Target]:
        """Rows as they are declared, by id."""
        return {target.id: target for target in targets()}

    def sections(self) -> Iterator[dict[str, Any]]:
        """Rows under their headings."""
        table = self.replication.table
        figure = table["id"].str.split(" ").str[0]
        for key, figures in SECTIONS.items():
            rows = table[figure.isin(figures)].to_dict("records")
            yield {"key": key, "rows": [self.row(row) for row in rows]}

    def verdicts(self) -> list[tuple[str, int]]:
        """Verdicts that occur, with how often."""
        words = self.replication.table["verdict"].str.removeprefix(CALIBRATED)
        return [(word, int((words == word).sum())) for word in VERDICTS if (words == word).any()]

    def statuses(self) -> list[str]:
        """Statuses of the figures, in the order in which they occur."""
        return list(dict.fromkeys(self.figures["status"]))

    def counted(self, what: str, status: str) -> int:
        """How many figures, definitions or sampling errors have a status."""
        found = self.replication.status
        chosen = found[(found["what"] == what) & (found["status"] == status)] if len(found) else found
        return int(chosen["count"].sum()) if len(chosen) else 0

    def row(self, row: dict[Any, Any]) -> dict[str, Any]:
        """One row, closed and unfolded."""
        name, scale, say = row["id"], row["scale"], self.say
        target = self.declared[name]
        figure = self.figures.loc[target.figure].to_dict()
        in_words = isnan(row["published"])
        text, weight = self._difference(row, target)
        return {
            "id": target.figure,
            "name": name,
            "anchor": anchor(name),
            "part": self._part(name, target),
            "statement": self._statement(target, figure),
            "published": self._in_words(target, figure)
            if in_words
            else say.published(row["published"], scale),
            "in_words": in_words,
            "status": figure["status"],
            "estimate": say.number(row["estimate"], scale),
            "interval": say.range(row["interval"], scale),
            "scale": "" if scale in _UNKNOWN else say.label(scale),
            "n": say.count(row["n"]),
            "difference": text,
            "weight": weight,
            "notes": say.notes(row["note"]),
            **self._judged(row["verdict"]),
            "source": self._source(figure),
            "facts": list(self._facts(row)),
            "definitions": self._definitions(name, scale),
            "model": self._model(self.replication.models.get(name)),
            "assumption": say.notes(self.replication.assumptions.get(name, "")),
            "code": self.replication.code.get(name, ""),
        }

    def _judged(self, word: str) -> dict[str, Any]:
        plain = word.removeprefix(CALIBRATED)
        return {
            "verdict": plain,
            "order": VERDICTS.index(plain) if plain else len(VERDICTS),
            "tone": tone(word),
            "calibrated": word.startswith(CALIBRATED),
        }

    def _part(self, name: str, target: Target) -> str:
        """What a row is among those of its figure: the rest of its id, or the part that it declares."""
        return self.say.label(name.partition(" ")[2] or target.part)

    def _statement(self, target: Target, figure: dict[Any, Any]) -> Markup:
        if target.statement:
            return self.say.phrase(target.statement)
        part = f": {self.say.label(target.part)}" if target.part else ""
        return Markup.escape(typeset(f"{figure['statement']}{part}"))

    def _in_words(self, target: Target, figure: dict[Any, Any]) -> Markup:
        """What is published where no number is: the row's own words, or the first ones of the source's scale."""
        return self.say.phrase(target.words or figure["scale"].split(";")[0])

    def _difference(self, row: dict[Any, Any], target: Target) -> tuple[str, float]:
        """How far the estimate is from the published number, and that in distances that count as a match."""
        found, known = row["estimate"], row["published"]
        judged = target.judge in ("ratio", "share") and not target.incomparable
        if not judged or isnan(found) or isnan(known):
            return "", _LAST
        if target.judge == "ratio":
            apart = f"{100 * (found / known - 1):+.0f} %"
            return self.say.digits(apart), abs(log(found / known)) / RATIO_MARGIN
        points = self.say.digits(f"{100 * (found - known):+.1f}")
        return self.say("column.points", number=points), abs(found - known) / share_margin(target.printed)

    def _source(self, figure: dict[Any, Any]) -> dict[str, Any]:
        """The source's words, and what it says about them."""
        titles = sources().set_index("key")
        facts = [
            (name, self.say.phrase(figure[key]))
            for name, key in (
                ("source_scale", "scale"),
                ("source_definition", "definition"),
                ("source_population", "population"),
                ("source_horizon", "horizon"),
                ("note", "note"),
            )
            if figure[key]
        ]
        keys = figure["source"].split("; ")
        return {
            "quote": figure["quote"],
            "language": figure["quote_language"],
            "titles": [
                {"title": str(titles.loc[key, "title"]), "url": str(titles.loc[key, "url"])} for key in keys
            ],
            "facts": facts,
        }

    def _facts(self, row: dict[Any, Any]) -> Iterator[tuple[str, Markup | str]]:
        """What is estimated, and on a calibrated world whether it was a target."""
        for key in ("estimand", "scale", "population", "time zero", "horizon"):
            if row[key] not in _UNKNOWN:
                yield key.replace(" ", "_"), self.say.phrase(row[key])
        yield "definition", self.say(f"status.{row['definition']}")
        if self.replication.calibrated:
            yield "target", self.say(f"row.target_{row['target']}")

    def _definitions(self, name: str, scale: str) -> list[dict[str, Any]]:
        """The grid of definitions, if there are several."""
        own = self.replication.details[self.replication.details["id"] == name].to_dict("records")
        return [self._definition(item, scale) for item in own] if len(own) > 1 else []

    def _definition(self, item: dict[Any, Any], scale: str) -> dict[str, Any]:
        # An area under the curve stands beside its difference as a plain number.
        shown = "ratio" if item["definition"].startswith("area") else scale
        return {
            "label": self.say.phrase(item["definition"]),
            "role": item["role"],
            "estimate": self.say.number(item["estimate"], shown),
            "interval": self.say.range(item["interval"], shown),
            "n": self.say.count(item["n"]),
            **self._judged(item["verdict"]),
            "notes": self.say.notes(item["note"]),
        }

    def _model(self, model: ModelTable | None) -> dict[str, Any] | None:
        """The model's table, its numbers set as the language has them."""
        if model is None:
            return None
        frame = model.summary().frame
        columns = list(frame.columns)
        return {
            "title": capital(typeset(model.title)),
            "columns": columns,
            "rows": [
                {
                    "cells": [self.say.digits(cell) for cell in cells],
                    "shown": bool(model.shown) and cells[0] == model.shown,
                }
                for cells in model.printed().to_numpy(dtype=object)
            ],
            "numeric": [pd.api.types.is_numeric_dtype(frame[name]) or name == "p_value" for name in columns],
            "facts": [(capital(key), typeset(value)) for key, value in model.facts.items()],
            "notes": [capital(typeset(note)) for note in model.notes],
            "methods": typeset(model.methods),
        }
