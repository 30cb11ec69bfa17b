"""The study: five checked tables, frozen together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from bipstats.codebook import DreamCodes, dream
from bipstats.errors import OptionError, check_option
from bipstats.study import display, writers
from bipstats.study.mapping import FileMapping
from bipstats.study.problems import error
from bipstats.study.rules.cells import missing_columns
from bipstats.study.rules.examine import examine
from bipstats.study.sheet import Sheet, make_sheet
from bipstats.study.tables import TABLES

_NAMED = 5


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Study:
    """Five checked tables of one study, frozen together.

    Parameters
    ----------
    clients : DataFrame
        One row per client: ``client, jobcentre, enrolled, sex, birth_year, civil_status, origin,
        vocational_qualification, mental_diagnosis, musculoskeletal_diagnosis, convicted, job_share_5y,
        support_share_5y``; and ``trained`` where a training of belief was randomised.
    responses : DataFrame
        One row per questionnaire: ``client, caseworker, date, respondent`` and the 11 indicators, missing
        where not asked or not answered.
    assignments : DataFrame
        ``client, caseworker, start, end``; both dates inclusive, no end: still.
    interventions : DataFrame
        ``client, code, start, end``; both dates inclusive.
    register : DataFrame
        One row per client: ``client, y_YYWW ..., branche_YYYY_MM ...``.
    truth : DataFrame, optional
        ``quantity, scale, value, mc_error, how``; on simulated studies only.
    latent : DataFrame, optional
        What nobody observes; on simulated studies only. It is not written to files.
    version : str, optional
        Of released data.
    codes : DreamCodes or path, optional
        Meaning of the benefit codes in the register (`bip.codebook.dream`), if it is not the codebook's own.
        Whatever is made from the study follows it unless it is given `codes` itself.

    Raises
    ------
    DataProblems
        If a column is missing or a cell cannot be cast to the codebook's dtypes. Values that can be cast but
        break another rule are for `check_study` to report.

    Notes
    -----
    Identifiers are text, dates ``datetime64[ns]``, categories have the codebook's levels, scores, years and
    codes are nullable integers, flags nullable booleans, shares floats. Any label may be a job centre; the
    levels are the job centres there are, BIP's ten first in the codebook's order, the others sorted.
    Columns come in the codebook's order, weeks and months in that of the calendar. A frame
    that has this form already is kept, not copied: change no table in place, neither those of a study nor those
    it was made from, for nothing would check the change. `with_clients`, or ``Study(...)`` with changed
    copies of the tables, makes another study, and checks it. Two studies are equal if their tables,
    dtypes included, truths and benefit codes are.

    Examples
    --------
    >>> import bipstats as bip
    >>> study = bip.simulate(clients=200, rng=1)
    >>> centre = study.subset(jobcentre="Sønderborg")
    >>> centre.clients["jobcentre"].unique().tolist()
    ['Sønderborg']
    """

    clients: pd.DataFrame
    responses: pd.DataFrame
    assignments: pd.DataFrame
    interventions: pd.DataFrame
    register: pd.DataFrame
    truth: pd.DataFrame | None = None
    latent: pd.DataFrame | None = None
    version: str | None = None
    codes: DreamCodes | None = None

    def __post_init__(self) -> None:
        if self.codes is not None and not isinstance(self.codes, DreamCodes):
            object.__setattr__(self, "codes", dream(self.codes))
        sheets = sheets_of(self)
        if not all(map(_castable, sheets.values())):
            raise error([p for p in examine(sheets) if p.severity == "error"])
        for name, sheet in sheets.items():
            object.__setattr__(self, name, sheet.frame)

    def tables(self) -> dict[str, pd.DataFrame]:
        """Give the five tables by name."""
        return {name: getattr(self, name) for name in TABLES}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Study):
            return NotImplemented
        if self.codes != other.codes:
            return False
        mine, theirs = (({**s.tables(), "truth": s.truth}) for s in (self, other))
        return all(_same(mine[name], theirs[name]) for name in mine)

    __hash__ = None  # type: ignore[assignment]

    def describe(self) -> pd.DataFrame:
        """Count what the study holds, one row per table.

        Returns
        -------
        DataFrame
            ``table, rows, clients, caseworkers, jobcentres, client_questionnaires,
            caseworker_questionnaires, first_date, last_date, missing_share``; missing where a table has no
            such thing. ``missing_share`` is the share of empty cells, in `responses` among the questions
            that the respondent is asked; it is not given for the register, where empty means no benefit.
        """
        return display.describe(self.tables())

    def to_folder(
        self,
        path: str | PathLike[str],
        format: Literal["csv", "csv.gz", "parquet", "dta"] = "csv",
        overwrite: bool = False,
    ) -> None:
        """Write the tables so that `read_study` gives an equal study.

        A truth goes to ``truth.csv``, benefit codes of the study's own to ``dream.toml``.

        Parameters
        ----------
        path : path
            Folder; made if it is not there.
        format : {"csv", "csv.gz", "parquet", "dta"}
            Reading ``dta`` needs ``pip install "bipstats[io]"``.
        overwrite : bool
            Write into a folder that holds files. Tables of a study in other formats are then removed, all
            other files are left alone.

        Raises
        ------
        OptionError
            If the folder holds files and `overwrite` is not set, or the path is a file.
        """
        check_option("format", format, tuple(writers.WRITERS))
        writers.write_folder(Path(path), self.tables(), self.truth, self.codes, format, overwrite)

    def subset(
        self, *, jobcentre: str | Iterable[str] | None = None, clients: Iterable[str] | str | None = None
    ) -> Study:
        """Keep some clients in all five tables.

        Parameters
        ----------
        jobcentre : str or iterable of str, optional
        clients : str or iterable of str, optional
            Identifiers; with `jobcentre`, those who satisfy both stay.

        Returns
        -------
        Study
            The truth stays as it is: it describes what made the data, not who was kept.

        Raises
        ------
        OptionError
            For job centres and clients that the study does not have, and if neither argument is given.
        """
        if jobcentre is None and clients is None:
            raise OptionError("subset needs jobcentre=, clients= or both.")
        stay = pd.Series(True, index=self.clients.index)
        for argument, column, wanted in (
            ("jobcentre", "jobcentre", jobcentre),
            ("clients", "client", clients),
        ):
            if wanted is not None:
                stay &= self.clients[column].isin(_present(argument, wanted, self.clients[column]))
        kept = self.clients.loc[stay, "client"]
        latent = self.latent
        if latent is not None and "client" in latent:
            latent = _rows_of(latent, kept)
        tables: dict[str, Any] = {name: _rows_of(table, kept) for name, table in self.tables().items()}
        return replace(self, **tables, latent=latent)

    def with_clients(self, frame: pd.DataFrame) -> Study:
        """Replace columns of `clients`, or add new ones.

        Parameters
        ----------
        frame : DataFrame
            ``client`` and the columns to replace or add; exactly one row for each client of the study, in any
            order.

        Returns
        -------
        Study
            New columns are numbers if every value is one, else text.

        Raises
        ------
        OptionError
            If rows and clients do not match one to one.
        DataProblems
            If a value does not fit the codebook's column.
        """
        if "client" not in frame:
            raise OptionError("with_clients needs a frame with a column client.")
        given = frame.assign(client=frame["client"].astype(self.clients["client"].dtype))
        known = self.clients["client"]
        repeated = int(given["client"].duplicated().sum())
        absent = int((~known.isin(given["client"])).sum())
        unknown = int((~given["client"].isin(known)).sum())
        if repeated or absent or unknown:
            raise OptionError(
                "with_clients needs exactly one row for each client of the study: "
                f"{repeated} rows repeat a client, {absent} clients have no row, {unknown} rows belong to nobody."
            )
        rows = given.set_index("client").loc[known].reset_index(drop=True)
        return replace(self, clients=self.clients.assign(**{str(name): rows[name] for name in rows}))

    def __repr__(self) -> str:
        return display.text(self.tables(), self.version)

    def _repr_html_(self) -> str:
        return display.html(self.tables(), self.version)


def sheets_of(study: Study) -> dict[str, Sheet]:
    """Give the tables, and the truth if there is one, as the rules look at them."""
    tables = study.tables() if study.truth is None else {**study.tables(), "truth": study.truth}
    rules = FileMapping(dream=study.codes)
    return {name: make_sheet(name, table, rules) for name, table in tables.items()}


def _castable(sheet: Sheet) -> bool:
    """Whether the sheet has the study's form: every column there once, every cell cast."""
    return not sheet.defects and len(set(sheet.header)) == len(sheet.header) and not missing_columns(sheet)


def _same(mine: pd.DataFrame | None, theirs: pd.DataFrame | None) -> bool:
    if mine is None or theirs is None:
        return mine is theirs
    return mine.equals(theirs) and mine.dtypes.equals(theirs.dtypes)


def _present(argument: str, wanted: str | Iterable[str], column: pd.Series) -> list[str]:
    """The values asked for, once it is sure that the study has every one."""
    values = [wanted] if isinstance(wanted, str) else [str(value) for value in wanted]
    there = set(column.dropna())
    unknown = [value for value in values if value not in there]
    if unknown:
        more = f" and {len(unknown) - _NAMED} more" if len(unknown) > _NAMED else ""
        named = ", ".join(map(repr, unknown[:_NAMED]))
        raise OptionError(f"{argument}=: the study has no {named}{more}.")
    return values


def _rows_of(table: pd.DataFrame, clients: pd.Series) -> pd.DataFrame:
    return table.loc[table["client"].isin(clients)].reset_index(drop=True)
