"""The README's lines of output are the command's, its picture is the report's, and its Python runs."""

import re

import pytest
import readme
from matplotlib.testing.compare import compare_images

import bipstats as bip

PAGE = readme.README.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    return readme.report(tmp_path_factory.mktemp("readme") / "report")


@pytest.mark.slow
def test_ledger_lines_are_the_commands(report):
    printed, _ = report
    assert len(readme.block("text", PAGE)[1].splitlines()) == 10
    assert readme.write(PAGE, printed) == PAGE, "make readme writes it anew"


@pytest.mark.slow
def test_picture_is_the_reports(report, tmp_path):
    _, picture = report
    stored = tmp_path / "stored.png"
    stored.write_bytes(readme.PICTURE.read_bytes())
    assert compare_images(str(stored), str(picture), tol=3) is None, "make readme draws it anew"


def test_lines_take_the_printed_numbers_and_keep_their_figures():
    printed = (
        "a heading\n"
        "E01            matches                published 1.32   estimate 1.3 (1.1 to 1.5)  In words\n"
        "E01 pre-dated  compatible             published 1.32   estimate 1.4 (1.1 to 1.7)  In words\n"
        "E02            calibrated: sign open  published 1.335  estimate no estimate       In words\n"
    )
    assert readme.ledger_lines("E02  old\nE01  older  still\n", printed) == (
        "E02  calibrated: sign open  published 1.335  estimate no estimate\n"
        "E01  matches                published 1.32   estimate 1.3 (1.1 to 1.5)\n"
    )
    with pytest.raises(RuntimeError, match="E99"):
        readme.ledger_lines("E99  gone\n", printed)


def test_python_runs():
    names: dict[str, object] = {}
    exec(readme.block("python", PAGE)[1], names)
    assert "caseworker_belief" in names["fit"].params.index
    assert names["bip"] is bip


def test_files_that_it_links_exist():
    for link in re.findall(r"\]\(([^)#]+)\)", PAGE):
        assert (readme.ROOT / link).exists(), link
