"""Excel workbooks: cells as they are seen, and every cell that cannot be trusted by its name."""

from __future__ import annotations

import datetime
import re
import zipfile
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest
from broken import write_tiny
from foreign import write_study, write_xlsx
from tiny import tiny_study

import bipstats as bip


@pytest.fixture
def folder(tmp_path):
    """The tiny study as CSV."""
    return write_tiny(tmp_path / "study")


def workbook(folder: Path, table: str = "clients") -> Path:
    """Put a workbook in the place of one table's CSV."""
    (folder / f"{table}.csv").unlink()
    path = folder / f"{table}.xlsx"
    write_xlsx(getattr(tiny_study(), table), path)
    return path


def edited(path: Path, **cells: object) -> None:
    """Write cells of the first sheet; a formula has no stored result then."""
    book = openpyxl.load_workbook(path)
    for name, value in cells.items():
        cell = book.worksheets[0][name]
        cell.value = value
        if isinstance(value, int | float):
            cell.number_format = "General"
    book.save(path)


def patched(path: Path, old: bytes, new: bytes, part: str = "xl/worksheets/sheet1.xml") -> None:
    """Replace what matches a pattern in one part of the package."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts[part], n = re.subn(old, new, parts[part])
    assert n
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


def only(problems: pd.DataFrame) -> pd.Series:
    assert len(problems) == 1, problems.to_string()
    return problems.iloc[0]


def test_the_released_study_reads_equal_from_excel(tmp_path):
    """Shares to 1e-15: openpyxl writes sixteen digits. The register has its 600 columns and more."""
    released = bip.load_synthetic()
    study = released.subset(clients=released.clients["client"][:12])
    read = bip.read_study(write_study(study.tables(), tmp_path / "study", ".xlsx"))
    assert study.register.shape[1] > 300
    pd.testing.assert_frame_equal(read.clients, study.clients, rtol=1e-15, atol=0)
    for name in ("responses", "assignments", "interventions", "register"):
        pd.testing.assert_frame_equal(getattr(read, name), getattr(study, name))


def test_dates_as_dates_serials_and_text(folder):
    path = workbook(folder)
    serial = (datetime.date(2014, 2, 3) - datetime.date(1899, 12, 30)).days
    edited(path, C3=serial, C4="2014-02-10", C5=serial + 30.0)
    assert bip.read_study(folder) == tiny_study()


def test_workbooks_that_count_from_1904(folder):
    path = workbook(folder)
    book = openpyxl.load_workbook(path)
    book.epoch = openpyxl.utils.datetime.MAC_EPOCH
    book.worksheets[0]["C3"].number_format = "General"
    book.worksheets[0]["C3"] = (datetime.date(2014, 2, 3) - datetime.date(1904, 1, 1)).days
    book.save(path)
    assert bip.read_study(folder) == tiny_study()


def test_numbers_that_are_no_serial_and_times_of_day_are_no_dates(folder):
    edited(
        workbook(folder), C2=2014, C3=20140203, C4=datetime.datetime(2014, 2, 10, 8, 30), C5=datetime.time(8)
    )
    problem = only(bip.check_study(folder))
    assert (problem["rule"], problem["rows"], problem["example"]) == ("unreadable_date", [2, 3, 4, 5], "2014")
    with pytest.raises(bip.DataProblems, match=r"rows 2, 3, 4, \.\.\."):
        bip.read_study(folder)


def test_a_date_format_for_numbers_that_are_no_serials(folder):
    path = workbook(folder)
    dates = tiny_study().clients["enrolled"]
    edited(path, **{f"C{n + 2}": int(f"{day:%Y%m%d}") for n, day in enumerate(dates)})
    mapping = {"date_format": "%Y%m%d"}
    rules = set(bip.check_study(folder, mapping)["table"])
    assert "clients" not in rules  # the other tables are CSV and have their dates otherwise


def test_identifiers_keep_zeros_as_text_and_lose_them_as_numbers_with_one_problem(folder):
    for table in ("clients", "responses", "assignments", "interventions", "register"):
        frame = getattr(tiny_study(), table)
        (folder / f"{table}.csv").unlink()
        write_xlsx(frame.assign(client=frame["client"].str.replace("k", "00")), folder / f"{table}.xlsx")
    assert bip.read_study(folder).clients["client"].tolist() == [f"00{n}" for n in range(1, 7)]
    edited(folder / "clients.xlsx", **{f"A{n + 1}": n for n in range(1, 7)})
    problem = only(bip.check_study(folder))
    assert (problem["table"], problem["column"], problem["rule"]) == ("clients", "client", "leading_zeros")


def test_truth_values_are_flags_and_no_scores(folder):
    edited(workbook(folder, "responses"), O4=True)
    problem = only(bip.check_study(folder))
    assert (problem["column"], problem["rule"], problem["rows"]) == ("network", "not_a_number", [4])


def test_the_sheet_of_the_tables_name_comes_before_the_first(folder):
    path = workbook(folder)
    book = openpyxl.load_workbook(path)
    book.worksheets[0].title = "Clients"
    notes = book.create_sheet("notes", 0)
    notes["A1"] = "not a table"
    book.save(path)
    assert bip.read_study(folder) == tiny_study()


def test_empty_rows_and_columns_at_the_end_are_none_and_those_within_are_one_warning(folder):
    path = workbook(folder)
    book = openpyxl.load_workbook(path)
    sheet = book.worksheets[0]
    for row in range(8, 60):
        sheet.cell(row, 1).number_format = "0.00"
        sheet.cell(row, 20).value = "  "
    book.save(path)
    assert bip.read_study(folder) == tiny_study()
    sheet.insert_rows(4, 2)
    book.save(path)
    problem = only(bip.check_study(folder))
    assert (problem["rule"], problem["severity"], problem["rows"]) == ("blank_row", "warning", [4, 5])
    with pytest.warns(bip.DataWarning, match=r"2 rows are entirely empty and were left out \(rows 4, 5\)"):
        assert bip.read_study(folder) == tiny_study()
    edited(path, E9="never")
    problems = bip.check_study(folder).set_index("rule")
    assert problems.loc["not_a_number", "rows"] == [9]


def test_a_sheet_that_tells_a_wrong_size_is_read_whole(folder):
    path = workbook(folder)
    patched(path, b"<sheetData>", b'<dimension ref="A1:B2" /><sheetData>')
    assert bip.read_study(folder) == tiny_study()


# Cells that cannot be trusted


def test_error_values_are_named_by_cell_and_only_once(folder):
    path = workbook(folder)
    edited(path, D3="#N/A", E4="#REF!", L5="#DIV/0!")
    problem = only(bip.check_study(folder))
    assert (problem["rule"], problem["n_rows"], problem["rows"]) == ("error_cell", 3, [3, 4, 5])
    with pytest.raises(bip.DataProblems, match="3 cells hold an error value: D3 #N/A, E4 #REF!, L5 #DIV/0!"):
        bip.read_study(folder)
    edited(path, D3="male", E4=1960, L5="#N/A")
    assert only(bip.check_study(folder))["example"] == "L5 #N/A"
    study = bip.read_study(folder, {"clients": {"missing": ["#N/A"]}})
    assert np.isnan(study.clients["job_share_5y"][3])
    study = bip.read_study(folder, {"clients": {"codes": {"job_share_5y": {"#N/A": "0.1"}}}})
    assert study.clients["job_share_5y"][3] == 0.1


def test_formulas_count_by_their_result_and_are_named_without_one(folder):
    path = workbook(folder)
    edited(path, E3="=1984+1", L4="=0/2", M8="=SUM(M2:M7)")
    problem = only(bip.check_study(folder))
    assert (problem["rule"], problem["n_rows"], problem["rows"]) == ("formula_cell", 3, [3, 4, 8])
    with pytest.raises(bip.DataProblems, match="a formula without a stored result: E3, L4, M8"):
        bip.read_study(folder)
    edited(path, M8=None)
    patched(path, rb"<f>1984\+1</f><v ?/?>(</v>)?", b"<f>1984+1</f><v>1985</v>")
    patched(path, rb"<f>0/2</f><v ?/?>(</v>)?", b"<f>0/2</f><v>0</v>")
    assert bip.read_study(folder) == tiny_study()


def test_text_that_looks_like_a_formula_is_text(folder):
    path = workbook(folder, "responses")
    patched(path, b"<t>c1</t>", b"<t>=c1</t>")
    assert set(bip.read_study(folder).responses["caseworker"]) == {"=c1", "c2", "c3"}


def test_merged_cells_are_named(folder):
    path = workbook(folder)
    book = openpyxl.load_workbook(path)
    book.worksheets[0].merge_cells("D3:D4")
    book.worksheets[0].merge_cells("Y1:Z9")  # beside the table
    book.save(path)
    problem = only(bip.check_study(folder))
    assert (problem["rule"], problem["rows"], problem["example"]) == ("merged_cells", [4], "D3:D4")


# Workbooks that cannot be read


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "cannot be read as an Excel workbook"),
        (b"client,date\n" * 99, "cannot be read as an Excel workbook"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "encrypted with a password"),
    ],
)
def test_other_content(folder, content, said):
    workbook(folder).write_bytes(content)
    assert only(bip.check_study(folder))["rule"] == "unreadable_file"
    with pytest.raises(bip.DataProblems, match=said):
        bip.read_study(folder)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_truncated_workbooks(folder, share):
    path = workbook(folder)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    assert only(bip.check_study(folder))["rule"] == "unreadable_file"


def test_damaged_parts(folder):
    path = workbook(folder)
    patched(path, b"</row>", b"</rwo>")
    assert only(bip.check_study(folder))["rule"] == "unreadable_file"


def test_an_empty_sheet_an_empty_first_row_and_a_folder(folder):
    path = workbook(folder)
    openpyxl.Workbook().save(path)
    assert "begin the sheet with its header" in only(bip.check_study(folder))["fix"]
    book = openpyxl.Workbook()
    book.worksheets[0].append([])
    book.worksheets[0]["A2"] = "client"
    book.save(path)
    assert "begin the sheet with its header" in only(bip.check_study(folder))["fix"]
    path.unlink()
    path.mkdir()
    assert only(bip.check_study(folder))["rule"] == "unreadable_file"
