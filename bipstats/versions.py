"""For bug reports and papers."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

_PACKAGES = (
    "bipstats", "numpy", "pandas", "scipy", "statsmodels", "lifelines", "formulaic", "matplotlib", "pyarrow", "joblib",
    "jinja2", "threadpoolctl", "pyreadstat", "openpyxl",
)  # fmt: skip


def show_versions() -> str:
    """Give the versions that a bug report needs.

    Returns
    -------
    str
        One line per package, Python and the operating system's kind first; no paths and no names.

    Examples
    --------
    >>> import bipstats as bip
    >>> bip.show_versions().splitlines()[1].split()[0]
    'bipstats'
    """
    lines = [f"python         {platform.python_version()} on {platform.system()} ({platform.machine()})"]
    lines += [f"{name:<14} {_version(name)}" for name in _PACKAGES]
    return "\n".join(lines)


def cite() -> str:
    """Give a reference to the software, and a reminder of what must be cited besides.

    Returns
    -------
    str

    Examples
    --------
    >>> import bipstats as bip
    >>> bip.cite().startswith("bipstats")
    True
    """
    return (
        f"bipstats developers (2026). bipstats: the Danish BIP study as data model, estimators, synthetic study and "
        f"ledger. Version {_version('bipstats')}.\n"
        "Published figures belong to their sources: cite those that bip.codebook.published() names. Results on the "
        "synthetic study are no results about BIP."
    )


def library_version() -> str:
    """Version of bipstats."""
    from bipstats import __version__

    return __version__


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
