"""The released synthetic study."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path

from bipstats.errors import BipstatsError
from bipstats.study.readers import read_study
from bipstats.study.study import Study

_PACKAGE = Path(__file__).resolve().parents[1]
_PLACES = (_PACKAGE / "_released", _PACKAGE.parent / "synthetic" / "parquet")


def load_synthetic() -> Study:
    """Give the released synthetic study.

    Returns
    -------
    Study
        With its truth; ``version`` names the release of the data and its schema.

    Raises
    ------
    BipstatsError
        If the released files are neither in the package nor in the checkout.

    Notes
    -----
    All persons in it are simulated. The files travel in the wheel; in a checkout they are read from
    ``synthetic/parquet``.

    Examples
    --------
    >>> import bipstats as bip
    >>> len(bip.load_synthetic().clients)
    4000
    """
    for place in _PLACES:
        if (place / "clients.parquet").is_file():
            return replace(read_study(place), version=_version(place / "version.toml"))
    raise BipstatsError(
        "the released synthetic study is not installed: neither the package nor a checkout around it holds the "
        "files. Install bipstats anew, or make a study with bip.simulate()."
    )


def _version(path: Path) -> str | None:
    """Version of data and schema, as one text."""
    if not path.is_file():
        return None
    content = tomllib.loads(path.read_text(encoding="utf-8"))
    return ", ".join(f"{name} {value}" for name, value in content.items())
