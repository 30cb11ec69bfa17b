"""A profile as one page to print: no network, no identifier."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from io import StringIO
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from jinja2 import Environment, PackageLoader, StrictUndefined

from bipstats.plotting import page_axes
from bipstats.words import catalogue

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from bipstats.progression.person import Profile


_METADATA = re.compile(r"<metadata>.*?</metadata>", re.DOTALL)


def render(profile: Profile) -> str:
    """Make the page of a profile; text from outside is escaped."""
    words, form = catalogue("bipstats.progression", profile.lang), profile.form
    dates, table = profile.ratings["date"], profile.table
    once = bool(table["change"].isna().all())
    first, latest = f"{dates.min():%Y-%m-%d}", f"{dates.max():%Y-%m-%d}"
    ends = words["answer"] if once else f"{words['first']}, {words['latest']}"
    return str(
        _template().render(
            lang=profile.lang,
            words=words,
            title=profile.title or words["profile"],
            instrument=form.title[profile.lang],
            scale=words["scale"].format(low=form.low, high=form.high),
            period=first if first == latest else f"{first} – {latest}",
            times=int(profile.ratings["number"].max()),
            remarks=profile.remarks,
            once=once,
            marked=bool((table["reliable"] == "yes").any()),
            radars=[
                _svg(
                    profile.draw_radars(page_axes(5.2, 4.9), {rater: said}),
                    f"radar-{rater}",
                    f"{said}: {ends}",
                )
                for rater, said in profile.raters.items()
            ],
            lines=""
            if once
            else _svg(
                profile.plot_lines(page_axes(6.4, 0.8 + 0.4 * len(form.items))), "lines", words["over time"]
            ),
            raters=list(profile.raters.values()),
            rows=_rows(profile, words),
        )
    )


def _rows(profile: Profile, words: Mapping[str, str]) -> list[dict[str, Any]]:
    """One row an item, with a cell for each rater."""
    table = profile.table
    rows = []
    for item in dict.fromkeys(table["item"]):
        own = table[table["item"] == item].set_index("respondent")
        cells = [
            _cell(own.loc[rater].to_dict(), words) if rater in own.index else None for rater in profile.raters
        ]
        rows.append({"label": own["label"].iloc[0], "cells": cells})
    return rows


def _cell(row: dict[Any, Any], words: Mapping[str, str]) -> dict[str, str]:
    gap = float(row["change"])
    change = "" if gap != gap else "0" if gap == 0 else f"{gap:+g}".replace("-", "−")
    mark = words[f"reliable {row['reliable']}"]
    return {"first": f"{row['first']:g}", "latest": f"{row['latest']:g}", "change": change, "mark": mark}


@cache
def _template() -> Any:
    environment = Environment(
        loader=PackageLoader("bipstats.progression"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    return environment.get_template("profile.html.j2")


def _svg(axes: Axes, name: str, words: str) -> str:
    """The drawing as an SVG element without date, fixed size or random ids."""
    figure = axes.get_figure()
    assert figure is not None
    buffer = StringIO()
    with mpl.rc_context({"svg.hashsalt": name}):
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})  # type: ignore[union-attr]
    text = _METADATA.sub("", buffer.getvalue())
    return text[text.index("<svg") :].replace("<svg ", f'<svg role="img" aria-label="{words}" ', 1)
