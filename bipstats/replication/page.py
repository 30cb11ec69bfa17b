"""The report: one HTML page that needs nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined

import bipstats
from bipstats.codebook import contradictions, published, sources
from bipstats.replication.drawing import inline_svg
from bipstats.replication.figures import incidence_curves
from bipstats.replication.targets import targets
from bipstats.replication.verdict import AGREEING, CALIBRATED, DISAGREEING, SHARE_MARGIN, ZERO_MARGIN
from bipstats.replication.wording import number, published_text, range_text

if TYPE_CHECKING:
    from bipstats.replication.replicate import Replication

SECTIONS: dict[str, tuple[str, ...]] = {
    "Caseworkers and entry into a job": ("E01", "E01b", "E01c", "E02", "E02b", "E03", "E04"),
    "The caseworker's belief and the first year": ("E05", "E06", "E07", "E08", "E09", "E09d", "E10"),
    "Differences between caseworkers": ("E11", "E12", "E13", "E14", "E15"),
    "Interventions of the last three months": ("E17", "E18", "E19", "E20", "E21", "E22"),
    "Progression between measurements": ("E23", "E24", "E25", "E26"),
    "Who the clients are": ("E16", "E32", "E33", "E34", "E34b"),
    "Prediction and wider claims": ("E27", "E28", "E29", "E30", "E31"),
}
"""Heading -> figures below it."""

LEGEND: tuple[tuple[str, str], ...] = (
    ("matches", "the 90 % interval of the estimate lies within a set distance of the published figure"),
    ("compatible", "not that, but the two differ by no more than their sampling errors allow"),
    ("conflicts", "they differ by more"),
    ("sign agrees", "the simultaneous 95 % interval lies wholly on the published side of zero"),
    ("sign open", "the interval does not decide"),
    ("sign contradicts", "it lies wholly on the other side"),
    (
        "about zero",
        f"shown to be within ±{ZERO_MARGIN:g} standard deviations per quarter by an equivalence test",
    ),
    (
        "depends on definition",
        "one admissible definition agrees and another does not; the row unfolds to them",
    ),
    ("not comparable", "the sources do not say enough to set the numbers against each other"),
    ("not estimated", "this study cannot give the estimate; the note says why"),
)
"""Verdict -> what it means."""

_ROLES = {"main": "this row", "admissible": "as good", "beside": "for comparison", "truth": "true value"}


def render(replication: Replication, lang: str = "en") -> str:
    """Make the page of a replication; text from outside is escaped, no person appears."""
    return _template().render(
        version=bipstats.__version__,
        simulated=replication.simulated,
        calibrated=replication.calibrated,
        world=replication.world,
        glance=dict(replication.glance),
        sections=list(_sections(replication)),
        forest=_forest(replication),
        no_ratios=_why_no_ratios(replication),
        curve=_curve(replication.incidence),
        legend=[(word, _tone(word), meaning) for word, meaning in LEGEND],
        contradictions=contradictions().to_dict("records"),
        share_margin=f"{100 * SHARE_MARGIN:g}",
    )


@cache
def _template() -> Any:
    environment = Environment(
        loader=PackageLoader("bipstats.replication"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["prose"] = _prose
    return environment.get_template("report.html.j2")


def _prose(text: str) -> str:
    """Text as a printer sets it: a capital in front, minus signs, no line break before a per cent sign."""
    text = re.sub(r"(?<![\w/])-(?=[\d.])", "−", str(text).replace(" %", "\u00a0%"))
    return text[:1].upper() + text[1:]


def _forest(replication: Replication) -> str:
    """The published ratios beside the estimates, or nothing where there are no estimates."""
    if replication.plot_data().empty:
        return ""
    return inline_svg(replication.plot, "forest", "Published ratios and estimates with 95 % intervals")


def _why_no_ratios(replication: Replication) -> str:
    """Why the ratios could not be estimated, each reason once with the figures it holds for."""
    table = replication.table
    ratios = table.loc[table["scale"].str.endswith("ratio") & (table["kind"] == "effect"), "id"]
    details = replication.details
    lost = details[details["id"].isin(ratios) & (details["role"] == "main") & details["estimate"].isna()]
    reasons = lost.groupby("note", sort=False)["id"].agg(", ".join)
    return "; ".join(f"{names}: {reason}" for reason, names in reasons.items())


def _curve(incidence: pd.DataFrame) -> str:
    """The incidence curves, or nothing where there are none."""
    if incidence.empty:
        return ""
    words = "Cumulative incidence of job or education by the caseworker's first answer on belief"
    return inline_svg(lambda ax: incidence_curves(incidence, ax), "incidence", words, height=3.8)


def _sections(replication: Replication) -> Iterator[dict[str, Any]]:
    """Rows of the ledger under their headings."""
    figure = replication.table["id"].str.split(" ").str[0]
    known = published().set_index("id")
    titles = sources().set_index("key")
    for heading, figures in SECTIONS.items():
        rows = replication.table[figure.isin(figures)]
        yield {
            "heading": heading,
            "rows": [
                _row(row, known.loc[row["id"].split(" ")[0]], titles, replication)
                for _, row in rows.iterrows()
            ],
        }


def _row(row: pd.Series, figure: pd.Series, titles: pd.DataFrame, replication: Replication) -> dict[str, Any]:
    """One row as text."""
    scale, word = row["scale"], row["verdict"]
    own = replication.details[replication.details["id"] == row["id"]]
    return {
        "id": row["id"].split(" ")[0],
        "part": _part(row["id"]),
        "statement": row["statement"],
        "published": published_text(row["published"], scale) or _in_words(row["id"], figure["scale"]),
        "words": pd.isna(row["published"]),
        "status": figure["status"],
        "estimate": number(row["estimate"], scale),
        "interval": range_text(row["interval"], scale),
        "scale": scale,
        "n": "" if pd.isna(row["n"]) else f"{row['n']:,}",
        "verdict": word,
        "tone": _tone(word.removeprefix(CALIBRATED)),
        "calibrated": word.startswith(CALIBRATED),
        "note": row["note"],
        "facts": _facts(row, replication.calibrated),
        "quote": figure["quote"],
        "quote_language": figure["quote_language"],
        "sources": [_source(key, titles) for key in figure["source"].split("; ")],
        "source_scale": figure["scale"],
        "source_definition": figure["definition"],
        "source_note": figure["note"],
        "definitions": [_definition(item, scale) for _, item in own.iterrows()] if len(own) > 1 else [],
    }


def _facts(row: pd.Series, calibrated: bool) -> list[tuple[str, str]]:
    """The row's definition, and on a calibrated world whether it was a target."""
    names = ("estimand", "scale", "population", "time zero", "horizon")
    facts = [(name, row[name]) for name in names if row[name] not in ("none", "not found")]
    facts.append(("definition", row["definition"]))
    if calibrated:
        told = "yes, the generator was calibrated to this figure" if row["target"] == "yes" else "no"
        facts.append(("calibration target", told))
    return facts


def _in_words(name: str, scale: str) -> str:
    """What is published where no number is: the row's own words, or the first ones of the source's scale."""
    own = next(target.words for target in targets() if target.id == name)
    return own or scale.split(";")[0]


def _part(name: str) -> str:
    """What a row is among those of its figure: the rest of its id, or the part that it declares."""
    own = next(target.part for target in targets() if target.id == name)
    return name.partition(" ")[2] or own


def _source(key: str, titles: pd.DataFrame) -> dict[str, str]:
    source = titles.loc[key]
    return {"title": str(source["title"]), "url": str(source["url"])}


def _definition(item: pd.Series, scale: str) -> dict[str, str]:
    """A line of the grid of definitions."""
    shown = _scale_of(item["definition"], scale)
    return {
        "label": item["definition"],
        "role": _ROLES[item["role"]],
        "estimate": number(item["estimate"], shown) or "none",
        "interval": range_text(item["interval"], shown),
        "n": "" if pd.isna(item["n"]) else f"{item['n']:,}",
        "verdict": item["verdict"],
        "tone": _tone(item["verdict"].removeprefix(CALIBRATED)),
        "calibrated": item["verdict"].startswith(CALIBRATED),
        "note": item["note"],
    }


def _scale_of(definition: str, scale: str) -> str:
    """Scale of a definition: an area under the curve stands beside its difference as a plain number."""
    return "ratio" if definition.startswith("area") else scale


def _tone(word: str) -> str:
    """Class of colour of a verdict."""
    if word in AGREEING:
        return "agree"
    if word in DISAGREEING:
        return "disagree"
    return "open" if word in ("sign open", "depends on definition") else "none"
