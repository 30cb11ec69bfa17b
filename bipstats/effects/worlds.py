"""The rows of an average, and the worlds that are compared over them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from bipstats.core.columns import Missing, complete_rows, require_columns
from bipstats.core.result import Result
from bipstats.effects.changes import Contrast, How, beyond_words, contrasts_of, rows_words
from bipstats.errors import ModelError


@dataclass(frozen=True)
class Worlds:
    """The rows to average over and the worlds to compare."""

    data: pd.DataFrame
    n_missing: int
    variable: str
    contrasts: list[Contrast]

    @classmethod
    def of(
        cls,
        data: pd.DataFrame,
        variable: str,
        how: How,
        fits: Sequence[Result],
        columns: Sequence[str],
        missing: Missing,
    ) -> Worlds:
        """Check the covariate, leave out rows with missing values, and build the worlds."""
        designs = [fit.design for fit in fits]
        known = {column for design in designs for column in design.columns}
        if variable not in known:
            raise ModelError(
                f"variable={variable!r} is not in the formula, which has {', '.join(sorted(known))}."
            )
        require_columns(data, columns, "the fit")
        rows, n_missing = complete_rows(data, columns, missing)
        rows = rows[list(dict.fromkeys(columns))]
        return cls(rows, n_missing, variable, contrasts_of(rows, variable, how, designs))

    def frames(self) -> list[tuple[pd.DataFrame, pd.DataFrame]]:
        """The rows at the low and at the high value, by contrast."""
        return [
            (self.data.assign(**{self.variable: one.low}), self.data.assign(**{self.variable: one.high}))
            for one in self.contrasts
        ]

    def facts(self) -> dict[str, str]:
        """What is changed and averaged over, and how many rows are beyond what was observed."""
        shown = [one.label for one in self.contrasts]
        facts = {
            "changed": f"{self.variable}, {', '.join(shown[:3])}" + (", ..." if len(shown) > 3 else ""),
            "averaged over": rows_words(len(self.data), self.n_missing),
        }
        column = self.data[self.variable]
        outside = [beyond_words(column, moved) for one in self.contrasts for moved in (one.low, one.high)]
        found = "; ".join(dict.fromkeys(words for words in outside if words))
        return {**facts, "beyond the data": found} if found else facts
