"""Every problem of a study at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from os import PathLike
from typing import Any

import pandas as pd

from bipstats.codebook import DreamCodes, dream
from bipstats.errors import OptionError
from bipstats.study.mapping import read_mapping
from bipstats.study.problems import frame
from bipstats.study.readers import read_folder
from bipstats.study.rules.examine import examine
from bipstats.study.study import Study, sheets_of


def check_study(
    path_or_study: str | PathLike[str] | Study,
    mapping: str | PathLike[str] | Mapping[str, Any] | None = None,
    *,
    codes: DreamCodes | str | PathLike[str] | None = None,
) -> pd.DataFrame:
    """Find everything that is wrong with a study, in one go.

    Parameters
    ----------
    path_or_study : path or Study
        A folder as `read_study` takes it, or a study.
    mapping : path or mapping, optional
        As in `read_study`; only for a folder.
    codes : DreamCodes or path, optional
        As in `read_study`; for a study in memory instead of its own.

    Returns
    -------
    DataFrame
        One row per rule and column that are broken; empty for a clean study. Columns: ``table``; ``column``
        (empty: the row or the table as a whole); ``rule``; ``severity`` (``error``: `read_study` refuses the
        folder; ``warning``); ``n_rows``; ``rows`` (the first five line numbers, the header being line 1; for
        a study in memory, and for parquet, the lines that a CSV file would have; for Stata and SPSS the
        observations, the first being 1); ``example`` (one offending
        value, never an identifier); ``fix``.

    Raises
    ------
    DataProblems
        If there is no such folder.
    OptionError
        If the mapping or `codes` cannot be used.

    Notes
    -----
    Every defect of the data is an error. Warnings are: dates before enrolment, questionnaires after pension,
    death or emigration, overlapping records of one intervention, interventions without an end or no
    intervention at all, columns that the codebook does not know, values that a file of Stata or SPSS declares
    missing, rows without any content, and files whose encoding had to be assumed.

    Examples
    --------
    >>> import bipstats as bip
    >>> study = bip.simulate(clients=200, rng=1)
    >>> len(bip.check_study(study))
    0
    >>> from dataclasses import replace
    >>> wrong = replace(study, responses=study.responses.assign(network=6))
    >>> bip.check_study(wrong)[["table", "column", "rule"]].to_numpy().tolist()
    [['responses', 'network', 'score_range']]
    """
    if not isinstance(path_or_study, Study):
        return frame(read_folder(path_or_study, read_mapping(mapping), codes).problems)
    if mapping is not None:
        raise OptionError("mapping= describes files; a study in memory has the codebook's columns already.")
    if codes is None:
        return frame(examine(sheets_of(path_or_study)))
    meaning = codes if isinstance(codes, DreamCodes) else dream(codes)
    return frame(examine(sheets_of(replace(path_or_study, codes=meaning))))
