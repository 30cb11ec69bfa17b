"""The report: one HTML page that needs nothing else, in English, Swedish or Danish."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined

import bipstats
from bipstats.codebook import contradictions
from bipstats.replication.page.charts import Charts
from bipstats.replication.page.rows import SECTIONS as SECTIONS
from bipstats.replication.page.rows import Rows, tone
from bipstats.replication.page.speech import Speech, capital, typeset
from bipstats.replication.verdict import SHARE_MARGIN, VERDICTS, ZERO_MARGIN

if TYPE_CHECKING:
    from bipstats.replication.result import Replication


def render(replication: Replication, lang: str = "en") -> str:
    """Make the page of a replication; text from outside is escaped, no person appears.

    Parameters
    ----------
    replication : Replication
    lang : {"en", "sv", "da"}
        Language of the page; quotes stay in the language of their source, technical messages in English.

    Raises
    ------
    OptionError
        If `lang` is none of the choices.
    """
    say = Speech(lang)
    rows = Rows(replication, say)
    return str(
        _template().render(
            say=say,
            lang=lang,
            version=bipstats.__version__,
            replication=replication,
            rows=rows,
            charts=Charts(replication, say),
            no_ratios=_why_no_ratios(replication),
            legend=[(word, tone(word)) for word in VERDICTS],
            margins={"zero": say.digits(f"{ZERO_MARGIN:g}"), "share": say.digits(f"{100 * SHARE_MARGIN:g}")},
            contradictions=contradictions().to_dict("records"),
        )
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
    environment.filters["typeset"] = typeset
    environment.filters["capital"] = capital
    return environment.get_template("report.html.j2")


def _why_no_ratios(replication: Replication) -> list[tuple[str, str]]:
    """Why the ratios could not be estimated, each reason once with the figures it holds for."""
    table = replication.table
    ratios = table.loc[table["scale"].str.endswith("ratio") & (table["kind"] == "effect"), "id"]
    details = replication.details
    lost = details[details["id"].isin(ratios) & (details["role"] == "main") & details["estimate"].isna()]
    reasons = lost.groupby("note", sort=False)["id"].agg(", ".join)
    return [(str(names), str(reason)) for reason, names in reasons.items()]
