"""Files in every format, separator, decimal and encoding give the same study; broken files give a problem each."""

from __future__ import annotations

import dataclasses
import gzip
import pickle
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from broken import put, read_lines, write_lines, write_tiny
from tiny import tiny_study, tiny_tables

import bipstats as bip
from bipstats.codebook import DreamCodes, dream

TABLES = ["clients", "responses", "assignments", "interventions", "register"]


@pytest.fixture(scope="module")
def study():
    return tiny_study(truth=True)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    return write_tiny(tmp_path_factory.mktemp("written") / "study", truth=True)


@pytest.fixture
def folder(written, tmp_path):
    return Path(shutil.copytree(written, tmp_path / "study"))


def rewrite(folder: Path, encode) -> None:
    """Rewrite every table of the study from its lines."""
    for table in TABLES:
        path = folder / f"{table}.csv"
        path.write_bytes(encode(path.read_text(encoding="utf-8")))


def only(problems: pd.DataFrame) -> pd.Series:
    assert len(problems) == 1, problems.to_string()
    return problems.iloc[0]


# Round trips


@pytest.mark.parametrize("form", ["csv", "csv.gz", "parquet"])
def test_round_trip(study, tmp_path, form):
    study.to_folder(tmp_path / "out", format=form)
    read = bip.read_study(tmp_path / "out")
    for table in [*TABLES, "truth"]:
        pd.testing.assert_frame_equal(getattr(read, table), getattr(study, table))
    assert read == study
    assert bip.check_study(tmp_path / "out").empty


@pytest.mark.parametrize("form", ["csv", "csv.gz", "parquet"])
def test_the_same_study_gives_the_same_bytes(study, tmp_path, form):
    for name in ("one", "two"):
        study.to_folder(tmp_path / name, format=form)
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


def test_columns_added_by_the_user_survive_every_round_trip(study, tmp_path):
    added = pd.DataFrame({"client": study.clients["client"], "score": [1, 2.5, None, 4, 5, -6e-9]})
    added["remark"] = ["007", "", 'b,"c"', "d\ne", "æøå", None]
    wider = study.with_clients(added)
    for form in ("csv", "csv.gz", "parquet"):
        wider.to_folder(tmp_path / form, format=form)
        with pytest.warns(bip.DataWarning, match="unknown_column"):
            assert bip.read_study(tmp_path / form) == wider


# How text files are written


@pytest.mark.parametrize("separator", [";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_separators_decimal_commas_and_unicode(study, folder, separator, encoding):
    rewrite(folder, lambda text: text.replace(",", separator).replace(".", ",").encode(encoding))
    assert "Sønderborg" in (folder / "clients.csv").read_text(encoding=encoding)
    assert bip.check_study(folder).empty
    assert bip.read_study(folder) == study


@pytest.mark.parametrize("end", ["\r\n", "\r"])
def test_line_ends(study, folder, end):
    rewrite(folder, lambda text: text.replace("\n", end).encode())
    assert bip.read_study(folder) == study


def test_quoted_cells_blanks_and_empty_last_lines(study, folder):
    quoted = '"{}"'
    rewrite(
        folder,
        lambda text: (
            "\n".join(",".join(quoted.format(f" {c} ") for c in line.split(",")) for line in text.split())
            + "\n\n\n"
        ).encode(),
    )
    rewrite(folder, lambda text: text.replace('"  "', "").encode())
    assert bip.read_study(folder) == study


def test_windows_1252_is_read_with_a_warning_unless_declared(study, folder):
    rewrite(folder, lambda text: text.encode("cp1252"))
    problem = only(bip.check_study(folder))  # the job centres are the only letters beyond ASCII
    assert (problem["table"], problem["rule"], problem["severity"]) == (
        "clients",
        "encoding_assumed",
        "warning",
    )
    with pytest.warns(bip.DataWarning, match="Windows-1252"):
        assert bip.read_study(folder) == study
    assert bip.check_study(folder, mapping={"encoding": "cp1252"}).empty
    assert bip.read_study(folder, mapping={"encoding": "latin-1"}) == study


def test_a_wrongly_declared_encoding_is_an_error(folder):
    problems = bip.check_study(folder, mapping={"encoding": "ascii"})
    assert ("clients", "unreadable_file") in set(zip(problems["table"], problems["rule"], strict=True))


@pytest.mark.parametrize("blank", ["NA", "NaN", ".", "  "])
def test_spellings_of_missing(study, folder, blank):
    lines = read_lines(folder, "responses")
    lines = [[cell or blank for cell in line] for line in lines]
    write_lines(folder, "responses", lines)
    assert bip.read_study(folder) == study


def test_numbers_and_flags_as_other_programs_write_them(study, folder):
    lines = read_lines(folder, "clients")
    at = {name: position for position, name in enumerate(lines[0])}
    for line in lines[1:]:
        line[at["birth_year"]] += ".0"
        line[at["convicted"]] = {"0": "FALSE", "1": "TRUE"}[line[at["convicted"]]]
        line[at["enrolled"]] += " 00:00:00"
    write_lines(folder, "clients", lines)
    assert bip.read_study(folder) == study


def test_identifiers_stay_text(folder):
    """``007`` is not 7, and ``NA`` is a name like any other."""
    for table in TABLES:
        lines = read_lines(folder, table)
        new = {"k1": "007", "k2": "NA", "k3": "1e5"}
        write_lines(folder, table, [[new.get(line[0], line[0]), *line[1:]] for line in lines])
    assert bip.read_study(folder).clients["client"].tolist()[:3] == ["007", "NA", "1e5"]


def test_the_other_spelling_of_months(study, folder):
    path = folder / "register.csv"
    path.write_text(path.read_text().replace("branche_", "br_"))
    assert bip.read_study(folder) == study


def test_columns_in_any_order(study, folder):
    for table in TABLES:
        write_lines(folder, table, [line[::-1] for line in read_lines(folder, table)])
    assert bip.read_study(folder) == study


# Parquet with other types than ours


def test_parquet_with_plain_types(study, tmp_path):
    for table, frame in tiny_tables().items():
        for column in frame.columns.intersection(["enrolled", "date", "start", "end"]):
            frame[column] = pd.to_datetime(frame[column]).dt.date
        for column in frame.columns.intersection(["sex", "respondent"]):
            frame[column] = frame[column].astype("category")
        for column in frame.columns.intersection(["network", "birth_year"]):
            frame[column] = frame[column].astype("float64")
        frame.to_parquet(tmp_path / f"{table}.parquet")
    read = bip.read_study(tmp_path)
    assert all(read.tables()[table].equals(study.tables()[table]) for table in TABLES)


def test_parquet_of_a_filtered_frame_brings_no_column_of_row_numbers(study, folder):
    (folder / "clients.csv").unlink()
    kept = [k * k for k in range(len(study.clients))]  # rows at any distance, as a filter leaves them
    study.clients.set_axis(kept).to_parquet(folder / "clients.parquet")
    assert "__index_level_0__" in pq.ParquetFile(folder / "clients.parquet").schema.names
    assert not len(bip.check_study(folder))
    assert bip.read_study(folder) == study


def test_parquet_with_lists_and_broken_text_is_refused(folder):
    (folder / "clients.csv").unlink()
    clients = tiny_study().clients.astype({"sex": object})
    clients["sex"] = [["female"]] * 6
    clients.to_parquet(folder / "clients.parquet")
    assert only(bip.check_study(folder))["rule"] == "unknown_level"
    text = pa.Array.from_buffers(
        pa.string(), 1, [None, pa.py_buffer(np.array([0, 1], dtype=np.int32)), pa.py_buffer(b"\xff")]
    )
    pq.write_table(pa.table({"client": text}), folder / "clients.parquet")
    assert only(bip.check_study(folder))["rule"] == "unreadable_file"


def test_single_precision_identifiers_and_numbers(study, folder):
    """As arrow gives them where pandas has stored whole numbers with gaps as float32."""
    (folder / "clients.csv").unlink()
    frame = study.clients.assign(client=study.clients["client"].str.removeprefix("k").astype("float32"))
    frame["birth_year"] = frame["birth_year"].astype("float32")
    frame.to_parquet(folder / "clients.parquet")
    codes = {"clients": {"codes": {"client": {str(n): f"k{n}" for n in range(1, 7)}}}}
    assert bip.read_study(folder, codes) == study


# Files that cannot be read


def ruin(path: Path, content: bytes) -> None:
    for other in path.parent.glob("responses.*"):
        other.unlink()
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("name", "content"),
    {
        "empty": ("responses.csv", b""),
        "first line empty": ("responses.csv", b"\nclient,date\nk1,2014-01-01\n"),
        "blank": ("responses.csv", b" \n\n"),
        "binary": ("responses.csv", bytes(range(256))),
        "zeros": ("responses.csv", b"client,date\n\0\0\0"),
        "gzip without its suffix": ("responses.csv", gzip.compress(b"client\n" * 99, mtime=0)),
        "open quote": ("responses.csv", b'client,date\n"k1,2014-01-01\nk2,2014-01-01\n'),
        "quotes within fields": ("responses.csv", b'a,b\nk"1,x\nk"2,x\n'),
        "not gzip": ("responses.csv.gz", b"client,date\n"),
        "truncated gzip": (
            "responses.csv.gz",
            gzip.compress(b"client,date\nk1,2014-01-01\n" * 99, mtime=0)[:40],
        ),
        "broken gzip": ("responses.csv.gz", gzip.compress(b"client\n" * 99, mtime=0)[:-6] + b"\0\0\0\0\0\0"),
        "empty gzip": ("responses.csv.gz", b""),
        "not parquet": ("responses.parquet", b"PAR1 and nothing more PAR1"),
        "empty parquet": ("responses.parquet", b""),
    }.values(),
)
def test_files_that_cannot_be_read(folder, name, content):
    ruin(folder / name, content)
    problem = only(bip.check_study(folder))
    assert (problem["table"], problem["rule"], problem["severity"]) == (
        "responses",
        "unreadable_file",
        "error",
    )
    with pytest.raises(bip.DataProblems, match="unreadable_file"):
        bip.read_study(folder)


@pytest.mark.parametrize("size", [50, 500, 2_000])
def test_truncated_parquet(study, tmp_path, size):
    study.to_folder(tmp_path / "out", format="parquet")
    path = tmp_path / "out" / "clients.parquet"
    path.write_bytes(path.read_bytes()[:size])
    assert "unreadable_file" in set(bip.check_study(tmp_path / "out")["rule"])


def test_a_header_that_is_one_enormous_field(folder):
    ruin(folder / "responses.csv", b"x" * 200_000 + b",y\n1,2\n")
    assert only(bip.check_study(folder))["rule"] == "unreadable_file"


@pytest.mark.parametrize("name", ["responses.csv", "responses.csv.gz", "responses.parquet"])
def test_a_folder_in_the_place_of_a_file(folder, name):
    (folder / "responses.csv").unlink()
    (folder / name).mkdir()
    assert only(bip.check_study(folder))["rule"] == "unreadable_file"


def test_lines_with_too_many_or_too_few_fields_are_named_and_the_rest_is_checked(folder):
    lines = read_lines(folder, "responses")
    put("network", _9="6")(lines)
    lines[2].append("x")
    lines[4].pop()
    lines[5] = []
    write_lines(folder, "responses", lines)
    problems = bip.check_study(folder).set_index("rule")
    assert problems.loc["ragged_line", "rows"] == [3, 5, 6]
    assert problems.loc["score_range", "rows"] == [9]
    assert len(problems) == 2


def test_the_line_numbers_of_ragged_lines_hold_in_long_files(folder):
    lines = read_lines(folder, "interventions")
    lines += [
        ["k5", "2", f"{day:%Y-%m-%d}", f"{day:%Y-%m-%d}"] for day in pd.date_range("2014-05-01", periods=600)
    ]
    lines[450].append("x")
    lines[600].append("x")
    put("code", _500="22")(lines)
    write_lines(folder, "interventions", lines)
    problems = bip.check_study(folder).set_index("rule")
    assert problems.loc["ragged_line", "rows"] == [451, 601]
    assert problems.loc["unknown_code", "rows"] == [500]


def test_a_table_in_two_formats_is_ambiguous(study, folder):
    study.clients.to_parquet(folder / "clients.parquet")
    problem = only(bip.check_study(folder))
    assert problem["rule"] == "table_ambiguous"


def test_missing_tables_are_all_named_and_other_files_ignored(folder):
    for table in ("clients", "register"):
        (folder / f"{table}.csv").unlink()
    (folder / "notes.txt").write_text("x")
    (folder / "clients_old.csv").write_text("x")
    problems = bip.check_study(folder)
    assert problems[["table", "rule"]].to_numpy().tolist() == [
        ["clients", "table_missing"],
        ["register", "table_missing"],
    ]


@pytest.mark.parametrize("suffix", [".xls", ".sas7bdat", ".RDS"])
def test_a_format_that_is_not_read_is_said(folder, suffix):
    (folder / "clients.csv").rename(folder / f"clients{suffix}")
    problem = only(bip.check_study(folder))
    assert problem["rule"] == "unread_format"
    assert "clients.parquet" in problem["fix"] and "clients.xlsx" in problem["fix"]


@pytest.mark.parametrize("call", [bip.read_study, bip.check_study])
def test_no_such_folder(tmp_path, call):
    with pytest.raises(bip.DataProblems, match="nowhere is not there"):
        call(tmp_path / "nowhere")
    (tmp_path / "file").write_text("x")
    with pytest.raises(bip.DataProblems, match="a file, not a folder"):
        call(tmp_path / "file")


def test_a_broken_truth_is_a_problem_too(folder):
    (folder / "truth.csv").write_text("quantity,scale,value,mc_error,how\nx,y,high,,\n")
    problem = only(bip.check_study(folder))
    assert (problem["table"], problem["column"], problem["rule"]) == ("truth", "value", "not_a_number")


# Benefit codes of the study's own


@pytest.fixture
def elsewhere(tmp_path):
    """A list of codes that knows 500, as flexjob, and a folder whose register has it in k5's week 30."""
    path = tmp_path / "my-codes.toml"
    ours = dream()
    mine = DreamCodes({**ours.states, 500: "flexjob"}, ours.exits, "assumed", 'a "test" æ \U0001f600')
    path.write_text(mine.to_toml(), encoding="utf-8")
    folder = write_tiny(tmp_path / "study")
    weeks = {f"y_14{week}": "500" for week in range(30, 40)}
    lines = read_lines(folder, "register")
    for name, code in weeks.items():
        lines[5][lines[0].index(name)] = code
    write_lines(folder, "register", lines)
    return folder, path, mine


def exit_of_k5(study):
    rows = bip.spells(study)
    return rows.loc[rows["client"] == "k5", "exit"].iloc[-1]


def test_codes_belong_to_the_study_and_everything_follows_them(elsewhere):
    folder, path, mine = elsewhere
    problems = bip.check_study(folder)
    assert set(problems["rule"]) == {"unknown_benefit"} and problems["fix"].str.contains("codes=").all()
    assert bip.check_study(folder, codes=path).empty
    study = bip.read_study(folder, codes=path)
    assert study.codes == mine == dream(path)
    assert bip.check_study(study).empty
    assert set(bip.check_study(study, codes=dream())["rule"]) == {"unknown_benefit"}
    assert exit_of_k5(study) == "other"
    assert (bip.register_states(study)["state"] == "flexjob").any()
    with pytest.raises(bip.OptionError, match="no state: 500"):
        bip.spells(study, codes=dream())
    kept = (study.subset(clients="k5"), study.with_clients(study.clients), pickle.loads(pickle.dumps(study)))
    assert all(part.codes == mine for part in kept)
    assert bip.Study(**study.tables(), codes=path) == study
    assert dataclasses.replace(study, codes=None) != study


def test_codes_travel_with_the_files(elsewhere, tmp_path):
    folder, path, _ = elsewhere
    study = bip.read_study(folder, codes=path)
    study.to_folder(tmp_path / "copy")
    assert bip.read_study(tmp_path / "copy") == study
    assert bip.check_study(tmp_path / "copy").empty
    tiny_study().to_folder(tmp_path / "copy", overwrite=True)
    assert bip.read_study(tmp_path / "copy").codes is None


def test_codes_that_cannot_be_read_are_an_option_error(folder):
    for call in (bip.read_study, bip.check_study):
        with pytest.raises(bip.OptionError, match=r"cannot be read \(FileNotFoundError\); give codes="):
            call(folder, codes="none.toml")


def test_tables_in_memory_are_not_read(folder):
    with pytest.raises(bip.OptionError, match=r"not dict; .* bip.Study\("):
        bip.read_study(tiny_study().tables())
