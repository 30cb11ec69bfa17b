"""The full table behind one row of the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from bipstats.core.result import Result
from bipstats.tables import Summary, formatted, p_text

LEVEL = 0.95


@dataclass(frozen=True, repr=False, eq=False)
class ModelTable:
    """A model, or a set of means, as a table with what has to be known about it; it holds no rows of data.

    Attributes
    ----------
    title : str
        What was fitted.
    table : pandas.DataFrame
        ``term, estimate, std_error, statistic, p_value, conf_low, conf_high`` of every term, 95 % intervals;
        logarithms where `ratio` is not empty. Frames that are no models may lack the test or add counts ``n``.
    ratio : str
        What the exponential of an estimate is (``"hazard ratio"``, ``"odds ratio"``); empty for differences
        and means.
    facts : mapping of str to str
        Rows used and left out, covariance, log-likelihood.
    notes : tuple of str
    methods : str
        One paragraph for a methods section.
    shown : str
        The term that the row of the ledger is about; empty where it is none of the terms.

    Examples
    --------
    >>> import bipstats as bip
    >>> from bipstats.replication.model_table import ModelTable
    >>> rows = bip.landmarks(bip.simulate(clients=400, rng=1), at="first")
    >>> fit = bip.logit("entered ~ caseworker_belief", rows)
    >>> behind = ModelTable.of(fit, "caseworker_belief")
    >>> behind.ratio, behind.table["term"].tolist()
    ('odds ratio', ['Intercept', 'caseworker_belief'])
    """

    title: str
    table: pd.DataFrame
    ratio: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    methods: str = ""
    shown: str = ""

    @classmethod
    def of(cls, fit: Result, shown: str, *notes: str, called: str = "") -> ModelTable:
        """Keep the table of a fit and what its summary says, and forget the rest; `shown` may be called otherwise."""
        told, table = fit.summary(LEVEL), fit.tidy(LEVEL)
        if called:
            table["term"], shown = table["term"].replace(shown, called), called
        return cls(
            title=told.title,
            table=table,
            ratio=fit.ratio or "",
            facts=dict(told.facts),
            notes=tuple(note for note in (*told.notes, *notes) if note),
            methods=str(fit.methods_text()),  # type: ignore[attr-defined]
            shown=shown,
        )

    def summary(self) -> Summary:
        """The table for reading: estimates with errors and, where there are ratios, these with their intervals."""
        frame = self.table.drop(columns="statistic", errors="ignore")
        if "p_value" in frame:
            frame = frame.assign(p_value=[p_text(value) for value in frame["p_value"]])
        if self.ratio:
            frame.insert(list(frame.columns).index("conf_low"), self.ratio, np.exp(frame["estimate"]))
            frame[["conf_low", "conf_high"]] = np.exp(frame[["conf_low", "conf_high"]])
        return Summary(self.title, frame, dict(self.facts), self.notes)

    def printed(self) -> pd.DataFrame:
        """The summary's cells as text, with the decimals of a column beneath each other.

        Notes
        -----
        The smallest standard error keeps two digits, ratios have three decimals. What would round to nothing is
        bounded, and ratios from a thousand on have four digits.
        """
        frame = self.summary().frame
        text = formatted(frame)
        if "std_error" not in frame:
            return text
        errors = frame["std_error"][frame["std_error"] > 0]
        decimals = 3 if errors.empty else int(np.clip(1 - np.floor(np.log10(errors.min())), 3, 6))
        ratios = [self.ratio, "conf_low", "conf_high"] if self.ratio else []
        for name in ("estimate", "std_error", "conf_low", "conf_high"):
            if name in frame and name not in ratios:
                text[name] = [
                    "" if np.isnan(x) else f"{round(x, decimals) + 0.0:.{decimals}f}" for x in frame[name]
                ]
        for name in ratios:
            text[name] = [
                short if np.isnan(x) or x >= 1000 else "<0.001" if x < 0.0005 else f"{x:.3f}"
                for x, short in zip(frame[name], text[name], strict=True)
            ]
        return text
