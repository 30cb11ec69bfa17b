"""Ways to break the files of the tiny study: text in, text out, so that line numbers are those of the file."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tiny import tiny_study

Lines = list[list[str]]


def write_tiny(folder: Path, *, truth: bool = False) -> Path:
    tiny_study(truth=truth).to_folder(folder)
    return folder


def read_lines(folder: Path, table: str) -> Lines:
    text = (folder / f"{table}.csv").read_text(encoding="utf-8")
    return list(csv.reader(io.StringIO(text)))


def write_lines(folder: Path, table: str, lines: Lines) -> None:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(lines)
    (folder / f"{table}.csv").write_text(buffer.getvalue(), encoding="utf-8")


@dataclass(frozen=True)
class Break:
    """One way to break one table, and the rule that must find it."""

    table: str
    column: str
    rule: str
    edit: Callable[[Lines], object]
    rows: tuple[int, ...]
    example: str = ""
    severity: str = "error"

    @property
    def name(self) -> str:
        return "-".join(filter(None, (self.table, self.column, self.rule, self.example)))

    def apply(self, folder: Path) -> None:
        lines = read_lines(folder, self.table)
        self.edit(lines)
        write_lines(folder, self.table, lines)


def put(column: str, **cells: str) -> Callable[[Lines], None]:
    """Write cells of a column; ``_3="x"`` is line 3 of the file."""

    def edit(lines: Lines) -> None:
        at = lines[0].index(column)
        for line, text in cells.items():
            lines[int(line[1:]) - 1][at] = text

    return edit


def drop_column(name: str) -> Callable[[Lines], None]:
    def edit(lines: Lines) -> None:
        at = lines[0].index(name)
        for line in lines:
            del line[at]

    return edit


def add_column(name: str, text: str = "") -> Callable[[Lines], None]:
    def edit(lines: Lines) -> None:
        for number, line in enumerate(lines):
            line.append(text if number else name)

    return edit


def rename(old: str, new: str) -> Callable[[Lines], None]:
    def edit(lines: Lines) -> None:
        lines[0][lines[0].index(old)] = new

    return edit


def repeat(line: int) -> Callable[[Lines], None]:
    """Write a line once more at the end."""
    return lambda lines: lines.append(list(lines[line - 1]))


def append(*cells: str) -> Callable[[Lines], None]:
    return lambda lines: lines.append(list(cells))


def drop_line(line: int) -> Callable[[Lines], None]:
    return lambda lines: lines.pop(line - 1)


def register_row(client: str, code: str = "") -> Callable[[Lines], None]:
    """Add a row with a code in its first week."""
    return lambda lines: lines.append([client, code, *[""] * (len(lines[0]) - 2)])


def header_only(lines: Lines) -> None:
    del lines[1:]


WARNING = "warning"

# Lines: clients k1..k6 are lines 2-7; responses come in pairs (client, caseworker), k1 on lines 2-5.
BREAKS = [
    # clients
    Break("clients", "", "table_empty", header_only, ()),
    Break("clients", "sex", "column_missing", drop_column("sex"), (1,)),
    Break("clients", "koen", "unknown_column", add_column("koen", "x"), (1,), severity=WARNING),
    Break("clients", "sex", "duplicate_column", add_column("sex", "male"), (1,)),
    Break("clients", "client", "missing_key", put("client", _4=" "), (4,)),
    Break("clients", "client", "duplicate_client", repeat(3), (8,)),
    Break("clients", "client", "not_in_register", put("client", _7="k9"), (7,)),
    Break("clients", "origin", "unknown_level", put("origin", _3="vest", _5="vest"), (3, 5), "vest"),
    Break("clients", "jobcentre", "missing_value", put("jobcentre", _3=""), (3,)),
    Break("clients", "sex", "unknown_level", put("sex", _2="Female"), (2,), "Female"),
    Break("clients", "enrolled", "unreadable_date", put("enrolled", _2="2014-13-40"), (2,), "2014-13-40"),
    Break("clients", "enrolled", "unreadable_date", put("enrolled", _2="06-01-2014"), (2,), "06-01-2014"),
    Break(
        "clients",
        "enrolled",
        "unreadable_date",
        put("enrolled", _2="2014-01-06 12:30"),
        (2,),
        "2014-01-06 12:30",
    ),
    Break("clients", "enrolled", "unreadable_date", put("enrolled", _2="0214-01-06"), (2,), "0214-01-06"),
    Break("clients", "enrolled", "missing_date", put("enrolled", _5="NA"), (5,)),
    Break("clients", "enrolled", "register_not_covering", put("enrolled", _7="2013-12-29"), (7,)),
    Break("clients", "birth_year", "not_a_number", put("birth_year", _3="ca. 1985"), (3,), "ca. 1985"),
    Break("clients", "birth_year", "not_a_whole_number", put("birth_year", _3="1985.5"), (3,), "1985.5"),
    Break(
        "clients",
        "birth_year",
        "implausible_birth_year",
        put("birth_year", _3="85", _4="99999"),
        (3, 4),
        "85",
    ),
    Break("clients", "birth_year", "implausible_age", put("birth_year", _3="2000", _4="1933"), (3, 4)),
    Break("clients", "birth_year", "missing_value", put("birth_year", _3="."), (3,)),
    Break("clients", "convicted", "not_a_flag", put("convicted", _3="2", _6="ja"), (3, 6), "2"),
    Break("clients", "job_share_5y", "share_range", put("job_share_5y", _2="50", _3="-0,1"), (2, 3), "50"),
    Break("clients", "job_share_5y", "not_a_number", put("job_share_5y", _2="50 %"), (2,), "50 %"),
    Break("clients", "job_share_5y", "not_a_number", put("job_share_5y", _2="1e999"), (2,), "1e999"),
    Break("clients", "job_share_5y", "not_a_number", put("job_share_5y", _2="inf"), (2,), "inf"),
    # responses
    Break("responses", "", "table_empty", header_only, ()),
    Break("responses", "network", "column_missing", drop_column("network"), (1,)),
    Break("responses", "network", "score_range", put("network", _2="6", _9="0", _4="300"), (2, 4, 9), "6"),
    Break("responses", "network", "not_a_whole_number", put("network", _2="3,5"), (2,), "3,5"),
    Break("responses", "network", "not_a_number", put("network", _2="god"), (2,), "god"),
    Break("responses", "respondent", "unknown_respondent", put("respondent", _2="boss"), (2,), "boss"),
    Break("responses", "respondent", "missing_value", put("respondent", _2=""), (2,)),
    Break(
        "responses",
        "caseworker_belief",
        "caseworker_item",
        put("caseworker_belief", _2="3", _4="4"),
        (2, 4),
        "3",
    ),
    Break("responses", "", "duplicate_questionnaire", repeat(3), (26,)),
    Break("responses", "client", "unknown_client", put("client", _2="k9"), (2,)),
    Break("responses", "caseworker", "missing_key", put("caseworker", _2=""), (2,)),
    Break("responses", "date", "missing_date", put("date", _2=""), (2,)),
    Break("responses", "date", "unreadable_date", put("date", _2="2015-02-29"), (2,), "2015-02-29"),
    Break("responses", "date", "after_register", put("date", _2="2016-01-04"), (2,)),
    Break("responses", "date", "before_enrolment", put("date", _2="2014-01-05"), (2,), severity=WARNING),
    Break("responses", "date", "after_exit", put("date", _12="2015-03-09"), (12,), severity=WARNING),
    # assignments
    Break("assignments", "", "table_empty", header_only, ()),
    Break("assignments", "client", "unknown_client", put("client", _2="k9"), (2,)),
    Break("assignments", "caseworker", "missing_key", put("caseworker", _2=""), (2,)),
    Break("assignments", "start", "missing_date", put("start", _2=""), (2,)),
    Break("assignments", "end", "unreadable_date", put("end", _2="-"), (2,), "-"),
    Break("assignments", "end", "end_before_start", put("end", _2="2014-01-05"), (2,)),
    Break("assignments", "", "overlap", put("end", _5="2014-06-01"), (6,)),
    Break("assignments", "", "overlap", put("end", _5=""), (6,)),
    Break("assignments", "", "overlap", append("k1", "c3", "2015-01-01", "2015-02-01"), (9,)),
    Break("assignments", "start", "after_register", put("start", _2="2016-01-04"), (2,)),
    Break("assignments", "start", "before_enrolment", put("start", _2="2014-01-05"), (2,), severity=WARNING),
    # interventions
    Break("interventions", "", "table_empty", header_only, (), severity=WARNING),
    Break("interventions", "code", "unknown_code", put("code", _2="22", _3="0", _4="99999"), (2, 3, 4), "22"),
    Break("interventions", "code", "not_a_number", put("code", _2="praktik"), (2,), "praktik"),
    Break("interventions", "code", "missing_value", put("code", _2=""), (2,)),
    Break("interventions", "client", "unknown_client", put("client", _2="k9"), (2,)),
    Break("interventions", "end", "end_before_start", put("end", _2="2014-02-02"), (2,)),
    Break("interventions", "end", "missing_end", put("end", _2=""), (2,), severity=WARNING),
    Break(
        "interventions", "start", "before_enrolment", put("start", _2="2014-01-05"), (2,), severity=WARNING
    ),
    Break("interventions", "", "overlap", put("code", _3="1"), (3,), severity=WARNING),
    Break("interventions", "start", "after_register", append("k6", "3", "2016-01-04", "2016-02-01"), (7,)),
    # register
    Break("register", "", "table_empty", header_only, ()),
    Break("register", "client", "column_missing", drop_column("client"), (1,)),
    Break("register", "client", "duplicate_client", repeat(2), (8,)),
    Break("register", "client", "unknown_client", register_row("k9"), (8,)),
    Break("register", "client", "missing_key", register_row("", "130"), (8,)),
    Break("register", "y_1453", "impossible_week_column", add_column("y_1453"), (1,)),
    Break("register", "y_1400", "impossible_week_column", add_column("y_1400"), (1,)),
    Break("register", "branche_2014_13", "impossible_month_column", add_column("branche_2014_13"), (1,)),
    Break("register", "branche_2014_01", "duplicate_column", add_column("br_2014_01"), (1,)),
    Break("register", "y_1410", "duplicate_column", add_column("y_1410"), (1,)),
    Break("register", "y_1410", "week_gap", drop_column("y_1410"), (1,)),
    Break("register", "branche_2014_05", "month_gap", drop_column("branche_2014_05"), (1,)),
    Break("register", "branche_2015_12", "month_gap", drop_column("branche_2015_12"), (1,)),
    Break("register", "client", "months_start_late", drop_column("branche_2014_01"), (2,)),
    Break("register", "y_1410", "not_a_number", put("y_1410", _2="ledig"), (2,), "ledig"),
    Break("register", "y_1410", "code_range", put("y_1410", _2="13", _3="1300", _4="99999"), (2, 3, 4), "13"),
    Break("register", "y_1410", "unknown_benefit", put("y_1410", _2="500"), (2,), "500"),
    Break("register", "y_1410", "not_a_whole_number", put("y_1410", _2="130.5"), (2,), "130.5"),
    Break("register", "branche_2014_05", "code_range", put("branche_2014_05", _2="0"), (2,), "0"),
    Break("register", "kommune", "unknown_column", add_column("kommune", "540"), (1,), severity=WARNING),
]
