"""Every defect is found, alone and together, at the right line, and nobody's row or identifier is shown."""

from __future__ import annotations

import shutil
import warnings
from pathlib import Path

import pandas as pd
import pytest
from broken import BREAKS, WARNING, Break, put, read_lines, register_row, write_lines, write_tiny
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny import tiny_study, tiny_tables

import bipstats as bip
from bipstats.study.problems import presentable

COLUMNS = ["table", "column", "rule", "severity", "n_rows", "rows", "example", "fix"]

# Defects that cannot occur alone, and what must come with them.
COMPANIONS = {
    ("clients", "register_not_covering"): {"months_start_late"},
    ("clients", "table_empty"): {"unknown_client"},
    ("clients", "missing_key"): {"unknown_client"},
    ("clients", "not_in_register"): {"unknown_client"},
    ("register", "table_empty"): {"not_in_register"},
}


def found(problems: pd.DataFrame) -> set[tuple[str, str, str]]:
    return set(problems[["table", "column", "rule"]].itertuples(index=False, name=None))


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    return write_tiny(tmp_path_factory.mktemp("written") / "study")


@pytest.fixture
def folder(written, tmp_path):
    return Path(shutil.copytree(written, tmp_path / "study"))


def test_a_clean_study_has_no_problems(folder):
    for problems in (bip.check_study(folder), bip.check_study(tiny_study())):
        assert problems.empty
        assert list(problems.columns) == COLUMNS


@pytest.mark.parametrize("defect", BREAKS, ids=lambda defect: defect.name)
def test_one_defect_is_found_where_it_is(folder, defect: Break):
    defect.apply(folder)
    with pytest.raises(bip.DataProblems, match=defect.rule) as raised:
        bip.read_study(folder, strict=defect.severity == WARNING)
    problems = raised.value.problems
    problem = select(problems, defect)
    assert tuple(problem["rows"]) == defect.rows
    assert problem["n_rows"] == len(defect.rows)
    assert problem["severity"] == defect.severity
    if defect.example:
        assert problem["example"] == defect.example
    assert problem["fix"]
    others = found(problems) - {(defect.table, defect.column, defect.rule)}
    assert {rule for *_, rule in others} == COMPANIONS.get((defect.table, defect.rule), set()), (
        problems.to_string()
    )


@pytest.mark.parametrize(
    "defect", [d for d in BREAKS if d.severity == WARNING], ids=lambda defect: defect.name
)
def test_warnings_are_given_once_and_the_study_is_read(folder, defect: Break):
    defect.apply(folder)
    with pytest.warns(bip.DataWarning, match=defect.rule) as caught:
        study = bip.read_study(folder)
    assert len(caught) == 1
    pd.testing.assert_frame_equal(bip.check_study(folder), bip.check_study(study))


def test_the_check_gives_what_the_reader_raises(folder):
    for defect in BREAKS[5:9]:
        defect.apply(folder)
    with pytest.raises(bip.DataProblems) as raised:
        bip.read_study(folder)
    pd.testing.assert_frame_equal(raised.value.problems, bip.check_study(folder))


def select(problems: pd.DataFrame, defect: Break) -> pd.Series:
    hit = problems.query("table == @defect.table and column == @defect.column and rule == @defect.rule")
    assert len(hit) == 1, problems.to_string()
    return hit.iloc[0]


def test_all_defects_of_cells_at_once(folder):
    """Breaks that leave the lines and columns of the others where they are, three cells in one row included."""
    together = [
        Break("clients", "sex", "unknown_level", put("sex", _2="x"), (2,)),
        Break("clients", "enrolled", "unreadable_date", put("enrolled", _2="x"), (2,)),
        Break("clients", "birth_year", "not_a_number", put("birth_year", _2="x"), (2,)),
        Break("clients", "birth_year", "implausible_birth_year", put("birth_year", _3="85"), (3,)),
        Break("clients", "job_share_5y", "share_range", put("job_share_5y", _2="7"), (2,)),
        Break("responses", "network", "not_a_number", put("network", _3="x"), (3,)),
        Break("responses", "network", "score_range", put("network", _4="9"), (4,)),
        Break("responses", "network", "not_a_whole_number", put("network", _6="1.5"), (6,)),
        Break("responses", "date", "unreadable_date", put("date", _3="x"), (3,)),
        Break("responses", "respondent", "unknown_respondent", put("respondent", _3="x"), (3,)),
        Break("responses", "client", "unknown_client", put("client", _8="k9"), (8,)),
        Break("assignments", "", "overlap", put("end", _5=""), (6,)),
        Break("assignments", "end", "unreadable_date", put("end", _2="x"), (2,)),
        Break("interventions", "code", "unknown_code", put("code", _2="99"), (2,)),
        Break("interventions", "end", "end_before_start", put("end", _2="2013-01-01"), (2,)),
        Break("register", "y_1410", "unknown_benefit", put("y_1410", _2="500"), (2,)),
        Break("register", "y_1410", "code_range", put("y_1410", _3="5"), (3,)),
        Break("register", "client", "unknown_client", register_row("k8"), (8,)),
    ]
    for defect in together:
        defect.apply(folder)
    problems = bip.check_study(folder)
    assert found(problems) == {(d.table, d.column, d.rule) for d in together}
    for defect in together:
        assert tuple(select(problems, defect)["rows"]) == defect.rows


def test_the_first_five_lines_are_listed_and_all_are_counted(folder):
    put("network", **{f"_{line}": "6" for line in range(3, 15)})(lines := read_lines(folder, "responses"))
    write_lines(folder, "responses", lines)
    problem = bip.check_study(folder).iloc[0]
    assert problem["n_rows"] == 12
    assert problem["rows"] == [3, 4, 5, 6, 7]


def test_the_message_reads_like_the_documentation(folder):
    put("health_coping", _2="6", _4="6", _5="6", _9="7")(lines := read_lines(folder, "responses"))
    put("date", _3="2014-13-40")(lines)
    write_lines(folder, "responses", lines)
    put("end", _5="2014-06-01")(lines := read_lines(folder, "assignments"))
    write_lines(folder, "assignments", lines)
    with pytest.raises(bip.DataProblems) as raised:
        bip.read_study(folder)
    assert str(raised.value) == (
        "3 problems in 2 tables (bip.check_study(path) returns them as a frame)\n"
        "  responses.date           unreadable_date  1 date does not parse (line 3; e.g. '2014-13-40')\n"
        "      write dates as YYYY-MM-DD without a time of day, or give date_format in the mapping\n"
        "  responses.health_coping  score_range      4 answers lie outside 1-5 (lines 2, 4, 5, ...; e.g. 6)\n"
        "      declare the scale in the mapping ([responses.scale]) or correct the file\n"
        "  assignments              overlap          client has two caseworkers at once in 1 case (line 6)\n"
        "      end the earlier assignment the day before the later one starts"
    )


def test_many_register_columns_are_summed_up_in_the_message_only(folder):
    lines = read_lines(folder, "register")
    weeks = [name for name in lines[0] if name.startswith("y_14")]
    for week in weeks:
        put(week, _2="500")(lines)
    write_lines(folder, "register", lines)
    with pytest.raises(bip.DataProblems) as raised:
        bip.read_study(folder)
    assert len(raised.value.problems) == len(weeks) == 52
    assert "the same in 49 more columns, to y_1452" in str(raised.value)
    assert str(raised.value).count("\n") == 8


def test_lines_are_those_of_the_file_when_cells_hold_line_breaks(folder):
    path = folder / "clients.csv"
    text = path.read_text(encoding="utf-8").replace("1985,single", '1985,"sin\ngle"').replace(",1960,", ",x,")
    path.write_text(text, encoding="utf-8")
    problems = bip.check_study(folder).set_index("rule")
    assert problems.loc["unknown_level", "rows"] == [3]
    assert problems.loc["not_a_number", "rows"] == [5]  # k3 stands one line further down


@pytest.mark.parametrize("lost", ["clients", "responses"])
def test_lost_leading_zeros_are_one_problem(folder, lost):
    """A spreadsheet has made 7 of 007, in one table or in all but one."""
    for table in tiny_tables():
        lines = read_lines(folder, table)
        for line in lines[1:]:
            line[0] = line[0].replace("k", "" if table == lost else "00")
        write_lines(folder, table, lines)
    problems = bip.check_study(folder)
    assert found(problems) == {(lost, "client", "leading_zeros")}
    assert problems["n_rows"].tolist() == [len(tiny_tables()[lost])]
    assert "as text" in problems["fix"][0]
    others = "clients" if lost == "responses" else "responses, assignments, interventions, register"
    with pytest.raises(bip.DataProblems, match=f"in leading zeros only from those of {others} "):
        bip.read_study(folder)


def test_zeros_are_not_guessed_where_two_clients_would_fit(folder):
    renames = {"clients": {"k1": "7", "k2": "007"}, "register": {"k1": "7", "k2": "007"}}
    for table in tiny_tables():
        lines = read_lines(folder, table)
        names = renames.get(table, {"k1": "7", "k2": "07"})
        write_lines(folder, table, [[names.get(line[0], line[0]), *line[1:]] for line in lines])
    problems = bip.check_study(folder)
    assert set(problems["rule"]) == {"unknown_client"}
    assert set(problems["table"]) == {"responses", "assignments", "interventions"}


def test_zeros_of_caseworkers_are_compared_too(folder):
    for table, at in (("responses", 1), ("assignments", 1)):
        lines = read_lines(folder, table)
        for line in lines[1:]:
            line[at] = line[at].replace("c", "0" if table == "assignments" else "")
        write_lines(folder, table, lines)
    problems = bip.check_study(folder)
    assert found(problems) == {("responses", "caseworker", "leading_zeros")}


def test_the_empty_lines_that_spreadsheets_leave_are_one_warning(folder):
    path = folder / "assignments.csv"
    path.write_text(path.read_text(encoding="utf-8") + ",,,\n ,, ,\n" * 20, encoding="utf-8")
    problems = bip.check_study(folder)
    assert problems[["rule", "severity", "n_rows"]].to_numpy().tolist() == [["blank_row", "warning", 40]]
    assert problems["rows"][0] == [9, 10, 11, 12, 13]
    with pytest.warns(bip.DataWarning, match="40 rows are entirely empty and were left out"):
        assert bip.read_study(folder) == tiny_study()


def test_the_levels_are_listed_where_one_is_unknown(folder):
    put("origin", _3="vest")(lines := read_lines(folder, "clients"))
    write_lines(folder, "clients", lines)
    assert "western, non_western" in bip.check_study(folder)["fix"][0]


def test_examples_show_no_identifier(folder):
    put("network", _2="k1", _3="010190-1234", _4="x" * 60)(lines := read_lines(folder, "responses"))
    write_lines(folder, "responses", lines)
    assert bip.check_study(folder)["example"].tolist() == [""]
    assert presentable("x" * 60) == "x" * 21 + "..."
    assert presentable("19900101-1234") == presentable("0101901234") == ""
    assert presentable("2014-13-40") == "2014-13-40"


def test_a_study_in_memory_is_checked_like_a_file():
    tables = tiny_tables()
    tables["responses"].loc[0, "network"] = 6
    tables["assignments"].loc[3, "end"] = "2014-06-01"
    problems = bip.check_study(bip.Study(**tables))
    assert found(problems) == {("responses", "network", "score_range"), ("assignments", "", "overlap")}
    assert problems["rows"].tolist() == [[2], [6]]


def test_a_study_in_memory_takes_no_mapping():
    with pytest.raises(bip.OptionError, match="describes files"):
        bip.check_study(tiny_study(), mapping={})


GARBAGE = st.one_of(
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12),
    st.sampled_from(
        ["", " ", "NA", "-1", "0", "6", "1,5", "1e400", "nan", "2014-02-30", '"', ",", ";", "k1", "k9"]
    ),
    st.integers(-(10**20), 10**20).map(str),
    st.floats(allow_nan=False).map(repr),
    st.dates().map(str),
)


@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_a_corrupted_cell_never_passes_silently(written, tmp_path_factory, data):
    """A cell is refused, or warned about, or stands in the study as it stands in the file."""
    folder = Path(shutil.copytree(written, tmp_path_factory.mktemp("corrupt") / "study"))
    table = data.draw(st.sampled_from(list(tiny_tables())))
    lines = read_lines(folder, table)
    row = data.draw(st.integers(1, len(lines) - 1))
    column = data.draw(st.integers(0, len(lines[0]) - 1))
    text = data.draw(GARBAGE)
    lines[row][column] = text
    write_lines(folder, table, lines)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", bip.DataWarning)
        try:
            study = bip.read_study(folder)
        except bip.DataProblems as problems:
            assert len(problems.problems)
            return
    value = getattr(study, table).loc[row - 1, lines[0][column]]
    assert stands_for(text.strip(), value), (table, lines[0][column], text, value)


def stands_for(text: str, value: object) -> bool:
    """Whether a value of a study is what the text says."""
    if pd.isna(value):
        return text in {"", "NA", "N/A", "NaN", "nan", "<NA>", "NaT", "."}
    if isinstance(value, pd.Timestamp):
        return text[:10] == f"{value:%Y-%m-%d}"
    if isinstance(value, bool):
        return text.lower() in ({"1", "1.0", "true"} if value else {"0", "0.0", "false"})
    if isinstance(value, str):
        return text == value
    return float(text.replace(",", ".")) == value
