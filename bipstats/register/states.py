"""Runs of weeks in one state."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bipstats.register.weeks import Codes, histories

if TYPE_CHECKING:
    from bipstats.study.study import Study


def register_states(study: Study, *, codes: Codes = None) -> pd.DataFrame:
    """Give the register as runs of weeks that a client spends in one state.

    Parameters
    ----------
    study : Study
    codes : DreamCodes or path, optional
        Meaning of the benefit codes (a TOML file laid out as ``codebook/dream.toml``); ``study.codes`` if
        not given, and the codebook's own, which is assumed, if the study has none.

    Returns
    -------
    pandas.DataFrame
        ``client, start_week, end_week`` (both inclusive, week 0 = ISO week of enrolment) and ``state`` (a
        category with all states of `codes`). The runs of a client cover every week of the register.

    Raises
    ------
    DataProblems
        If clients, weeks or months are absent from the register.
    OptionError
        If the register has codes that `codes` does not know.

    Notes
    -----
    ``job``: no benefit and an industry code in the month of the week's Thursday. ``self_support``: neither.
    Every other state is that of the week's benefit code.

    Examples
    --------
    >>> import bipstats as bip
    >>> study = bip.simulate(clients=200, rng=1)
    >>> runs = bip.register_states(study)
    >>> list(runs.columns)
    ['client', 'start_week', 'end_week', 'state']
    """
    weekly = histories(study, codes)
    n, width = weekly.states.shape
    begins = np.ones((n, width), dtype=bool)
    begins[:, 1:] = weekly.states[:, 1:] != weekly.states[:, :-1]
    row, column = np.nonzero(begins)
    end = np.append(column[1:], width) - 1
    end[np.append(row[1:] != row[:-1], True)] = width - 1
    own_clock = weekly.first - weekly.enrolled[row]
    return pd.DataFrame(
        {
            "client": study.clients["client"].take(row).reset_index(drop=True),
            "start_week": (column + own_clock).astype(np.int32),
            "end_week": (end + own_clock).astype(np.int32),
            "state": pd.Categorical.from_codes(
                weekly.states[row, column], dtype=pd.CategoricalDtype(list(weekly.codes.names))
            ),
        }
    )
