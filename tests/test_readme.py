"""The README's lines of output are the command's, and its Python runs."""

import re
from pathlib import Path

import pytest

import bipstats as bip
from bipstats.cli import main

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


def block(kind: str) -> str:
    found = re.search(rf"```{kind}\n(.*?)```", README, re.DOTALL)
    assert found is not None
    return found[1]


@pytest.mark.slow
def test_ledger_lines_are_the_commands(tmp_path, capsys):
    assert main(["replicate", "--out", str(tmp_path / "report")]) == 0
    printed = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    quoted = [" ".join(line.split()) for line in block("text").splitlines()]
    assert quoted
    for line in quoted:
        assert any(whole.startswith(line) for whole in printed), line


def test_python_runs():
    names: dict[str, object] = {}
    exec(block("python"), names)
    assert "caseworker_belief" in names["fit"].params.index
    assert names["bip"] is bip


def test_files_that_it_links_exist():
    root = Path(__file__).parent.parent
    for link in re.findall(r"\]\(([^)#]+)\)", README):
        assert (root / link).exists(), link
