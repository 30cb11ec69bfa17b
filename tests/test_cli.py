"""The command line: exit codes, what it writes, and what it refuses to overwrite."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import bipstats as bip
from bipstats.cli import CANNOT, FOUND_ERRORS, main
from bipstats.replication.folder import DETAILS, FIGURES, LEDGER, MARK, PAGE, RESULT


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A simulated study of 200 clients, as the command writes it."""
    path = tmp_path_factory.mktemp("cli") / "study"
    assert main(["simulate", str(path), "--clients", "200", "--seed", "5"]) == 0
    return path


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """The small study in the place of the packaged one, so that a default run is quick."""
    monkeypatch.setattr("bipstats.study.released.load_synthetic", lambda: bip.read_study(folder))


def test_simulate_writes_the_study_of_the_seed(folder: Path) -> None:
    assert bip.read_study(folder) == bip.simulate(clients=200, rng=5)
    assert (folder / "truth.csv").is_file()


def test_simulate_refuses_a_folder_with_files_and_impossible_sizes(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["simulate", str(folder), "--clients", "200"]) == CANNOT
    assert main(["simulate", str(tmp_path / "new"), "--clients", "3"]) == CANNOT
    said = capsys.readouterr().err
    assert "Traceback" not in said
    assert said.count("bipstats: ") == 2
    assert "--force" in said and "overwrite=" not in said


def test_simulate_with_force_replaces_the_studys_files_only(tmp_path: Path) -> None:
    assert main(["simulate", str(tmp_path), "--clients", "50"]) == 0
    (tmp_path / "thesis.txt").write_text("mine", encoding="utf-8")
    assert main(["simulate", str(tmp_path), "--clients", "60", "--seed", "2", "--force"]) == 0
    assert bip.read_study(tmp_path) == bip.simulate(clients=60, rng=2)
    assert (tmp_path / "thesis.txt").read_text(encoding="utf-8") == "mine"


def test_replicate_prints_one_line_a_row_and_says_where_the_report_lies(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "report"
    assert main(["replicate", str(folder), "--out", str(out)]) == 0
    lines = capsys.readouterr().out.splitlines()
    table = pd.read_csv(out / LEDGER)
    rows = [line for line in lines if line.startswith("E")]
    assert [line[:20].strip() for line in rows] == table["id"].tolist()
    assert max(map(len, rows)) > 150  # not a terminal: never cut
    assert lines[-1] == f"Report: {(out / PAGE).resolve()}"
    assert {path.name for path in out.iterdir()} == {MARK, LEDGER, DETAILS, PAGE, RESULT, FIGURES}
    assert (out / PAGE).read_text(encoding="utf-8").startswith("<!doctype html>")


@pytest.mark.usefixtures("quick")
def test_replicate_without_a_folder_takes_the_packaged_study(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["replicate"]) == 0
    assert (tmp_path / "bipstats-report" / PAGE).is_file()
    assert main(["replicate"]) == 0  # its own folder may be overwritten


@pytest.mark.usefixtures("quick")
def test_replicate_keeps_off_other_peoples_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = tmp_path / "thesis.txt"
    other.write_text("mine", encoding="utf-8")
    assert main(["replicate", "--out", str(tmp_path)]) == CANNOT
    assert "--force" in capsys.readouterr().err
    assert {path.name for path in tmp_path.iterdir()} == {"thesis.txt"}
    assert main(["replicate", "--out", str(tmp_path), "--force"]) == 0
    assert other.read_text(encoding="utf-8") == "mine"
    assert main(["replicate", "--out", str(other)]) == CANNOT
    assert main(["replicate", "--out", str(other), "--force"]) == CANNOT


def test_what_cannot_be_read_is_one_message(
    tmp_path: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["replicate", str(tmp_path / "nowhere"), "--out", str(tmp_path / "out")]) == CANNOT
    assert main(["check", str(tmp_path / "nowhere")]) == CANNOT
    assert main(["replicate", "--mapping", "x.toml", "--out", str(tmp_path / "out")]) == CANNOT
    said = capsys.readouterr().err
    assert said.startswith("bipstats: ")
    assert "Traceback" not in said
    assert not (tmp_path / "out").exists()


def test_check_passes_a_clean_study(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(folder)]) == 0
    assert "no errors" in capsys.readouterr().out


def test_check_lists_errors_and_replicate_refuses(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    for path in folder.iterdir():
        (broken / path.name).write_bytes(path.read_bytes())
    responses = pd.read_csv(broken / "responses.csv", dtype=str)
    responses.loc[0, "health_coping"] = "9"
    responses.to_csv(broken / "responses.csv", index=False)
    assert main(["check", str(broken)]) == FOUND_ERRORS
    assert "responses.health_coping" in capsys.readouterr().out
    assert main(["replicate", str(broken), "--out", str(tmp_path / "out")]) == CANNOT
    said = capsys.readouterr().err
    assert "responses.health_coping" in said
    assert "Traceback" not in said


def test_unknown_arguments_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["replicate", "--wrong"])
    assert stop.value.code == CANNOT
    assert "--wrong" in capsys.readouterr().err


def test_the_module_is_the_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bipstats", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == f"bipstats {bip.__version__}"


def test_codes_of_ones_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A benefit code that the codebook lacks is an error until a file says what it means."""
    folder, own = tmp_path / "study", tmp_path / "my-codes.toml"
    study = bip.simulate(clients=200, rng=4)
    register = study.register.copy()
    register.loc[0, "y_1010"] = 555
    dataclasses.replace(study, register=register).to_folder(folder)
    (folder / "dream.toml").unlink(missing_ok=True)
    assert main(["check", str(folder)]) == 1
    assert "555" in capsys.readouterr().out
    codes = bip.codebook.dream().states
    more = bip.codebook.DreamCodes(
        {**codes, 555: "social_assistance"}, bip.codebook.dream().exits, "assumed", "ours"
    )
    own.write_text(more.to_toml(), encoding="utf-8")
    assert main(["check", str(folder), "--codes", str(own)]) == 0
    assert main(["replicate", str(folder), "--codes", str(own), "--out", str(tmp_path / "out")]) == 0
    assert main(["replicate", "--codes", str(own), "--out", str(tmp_path / "out")]) == 2
