"""Assumed sampling errors of BIP's figures: none is published."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bipstats.codebook.files import frame, load

if TYPE_CHECKING:
    import pandas as pd

_COLUMNS = ("quantity", "scale", "sd", "mean", "studies", "status")


def sampling_error() -> pd.DataFrame:
    """List the sampling error that an estimate from a study of BIP's size is assumed to have.

    Returns
    -------
    pandas.DataFrame
        ``quantity`` (a name of the ledger's reference analyses), ``scale`` (``ratio``: log scale; ``share``,
        ``difference``), ``sd`` and ``mean`` over simulated studies, ``studies`` (how many gave an estimate),
        ``status`` (always ``assumed``).

    Notes
    -----
    Made by ``python -m bipstats.calibration.sampling_error`` from studies simulated in world E2 with 4,000
    clients each; nothing else writes the file.

    Examples
    --------
    >>> from bipstats import codebook
    >>> set(codebook.sampling_error()["status"])
    {'assumed'}
    """
    return frame(({**row, "status": "assumed"} for row in load("sampling_error")["estimate"]), _COLUMNS)
