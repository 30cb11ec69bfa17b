"""Person-periods of spells in files: equal to those of the frame, in bounded pieces, and nothing half made is shown."""

from __future__ import annotations

import json
import resource
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

import bipstats as bip
from bipstats.timeline import batches, period_files

COLUMNS = [
    "client",
    "caseworker",
    "jobcentre",
    "start",
    "stop",
    "event",
    "exit",
    "data_end",
    "age",
    "caseworker_belief",
]
MODEL = ["caseworker_belief", "jobcentre", "exposure"]


@pytest.fixture(scope="module")
def spells(tmp_path_factory) -> pd.DataFrame:
    path = tmp_path_factory.mktemp("given") / "spells.parquet"
    bip.spells(bip.simulate(clients=200, rng=1))[COLUMNS].to_parquet(path, index=False)
    return pd.read_parquet(path)


@pytest.fixture(autouse=True)
def small_batches(monkeypatch) -> None:
    monkeypatch.setattr(batches, "READ", 64)
    monkeypatch.setattr(batches, "MADE", 300)


@pytest.fixture
def folder(spells: pd.DataFrame, tmp_path: Path) -> Path:
    """Spells in eleven files, cut within clients; part-10 comes after part-9."""
    path = tmp_path / "spells"
    path.mkdir()
    edges = np.linspace(0, len(spells), 12).astype(int)
    for number, (low, high) in enumerate(pairwise(edges)):
        spells.iloc[low:high].to_parquet(path / f"part-{number}.parquet", index=False)
    return path


def read(path: Path) -> pd.DataFrame:
    return pd.read_parquet(path)


@pytest.mark.parametrize("changes", ["split", "start"])
def test_files_hold_what_the_frame_holds(
    spells: pd.DataFrame, folder: Path, tmp_path: Path, changes: Any
) -> None:
    out = bip.person_periods(folder, 13, changes=changes, out=tmp_path / "periods")
    whole = bip.person_periods(spells, 13, changes=changes)
    assert out == tmp_path / "periods"
    assert_frame_equal(read(out), whole)
    flow = json.loads((out / "_flow.json").read_text())
    assert flow.pop("rows_written") == flow["rows_out"] == len(whole)
    assert flow == whole.attrs["flow"]
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("periods")] == ["periods"]


def test_parts_are_small_and_keep_the_types_of_the_spells(folder: Path, tmp_path: Path, monkeypatch) -> None:
    rows: list[int] = []
    made = bip.timeline.person_periods._frame

    def watched(*args: Any) -> pd.DataFrame:
        frame = made(*args)
        rows.append(len(frame))
        return frame

    monkeypatch.setattr("bipstats.timeline.person_periods._frame", watched)
    out = bip.person_periods(folder, 4, out=tmp_path / "periods")
    parts = sorted(out.glob("*.parquet"))
    assert len(parts) == len(rows) > 10
    assert max(rows) < 2 * 300
    given, found = pq.read_schema(folder / "part-0.parquet"), pq.read_schema(parts[0])
    assert [found.field(name).type for name in COLUMNS if name != "event"] == [
        given.field(name).type for name in COLUMNS if name != "event"
    ]
    assert [found.field(name).type for name in ("period", "event")] == [pa.int32(), pa.int8()]
    assert pq.ParquetFile(parts[0]).metadata.row_group(0).column(0).compression == "ZSTD"


def test_a_file_and_a_dataset_will_do(spells: pd.DataFrame, folder: Path, tmp_path: Path) -> None:
    spells.to_parquet(tmp_path / "spells.parquet", index=False)
    whole = bip.person_periods(spells)
    one = bip.person_periods(tmp_path / "spells.parquet", out=tmp_path / "one")
    files = [str(folder / f"part-{number}.parquet") for number in range(11)]
    two = bip.person_periods(ds.dataset(files), out=str(tmp_path / "two"))
    assert_frame_equal(read(one), whole)
    assert_frame_equal(read(two), whole)


def test_columns_that_folders_name_are_kept(spells: pd.DataFrame, tmp_path: Path) -> None:
    half = len(spells["client"].unique()) // 2
    first = spells["client"].isin(spells["client"].unique()[:half])
    for year, rows in ((2001, spells[first]), (2002, spells[~first])):
        (tmp_path / f"spells/year={year}").mkdir(parents=True)
        rows.to_parquet(tmp_path / f"spells/year={year}/rows.parquet", index=False)
    found = read(bip.person_periods(tmp_path / "spells", out=tmp_path / "periods"))
    expected = bip.person_periods(spells.assign(year=np.where(first, 2001, 2002).astype(np.int32)))
    assert_frame_equal(found, expected)


def test_text_and_holes_in_some_batches_keep_their_type(tmp_path: Path) -> None:
    n = 300
    rows = pd.DataFrame(
        {
            "client": np.arange(n),
            "start": np.zeros(n, np.int32),
            "stop": np.full(n, 20, np.int32),
            "event": np.arange(n) % 2,
            "exit": np.where(np.arange(n) % 2, "job", np.where(np.arange(n) < 150, "death", "move")),
            "note": [None] * 200 + ["seen"] * 100,
            "score": pd.array([None] * 200 + [3] * 100, "Int8"),
        }
    )
    rows.to_parquet(tmp_path / "spells.parquet", index=False)
    found = read(bip.person_periods(tmp_path / "spells.parquet", out=tmp_path / "periods"))
    expected = bip.person_periods(read(tmp_path / "spells.parquet"))
    assert_frame_equal(found.drop(columns="exit"), expected.drop(columns="exit"))
    assert found["exit"].tolist() == expected["exit"].tolist()
    assert found["score"].dtype == "Int8"


class Interrupted:
    """Stops the work at its n-th batch, and counts batches."""

    def __init__(self, monkeypatch, at: int) -> None:
        self.calls, self.at, self.made = 0, at, bip.timeline.person_periods._split
        monkeypatch.setattr("bipstats.timeline.person_periods._split", self)

    def __call__(self, *args: Any) -> Any:
        self.calls += 1
        if self.calls == self.at:
            raise KeyboardInterrupt
        return self.made(*args)


def counted_batches(folder: Path) -> Iterator[tuple[str, Any]]:
    return batches.client_batches(batches.SpellFiles.of(folder), COLUMNS, 13, False)


@pytest.mark.parametrize("collapse", [None, MODEL])
def test_an_interrupted_run_goes_on_from_the_last_part(
    folder: Path, tmp_path: Path, monkeypatch, collapse: list[str] | None
) -> None:
    whole = bip.person_periods(folder, out=tmp_path / "whole", collapse=collapse)
    n_parts = sum(1 for _ in counted_batches(folder))
    stopped = Interrupted(monkeypatch, at=5)
    with pytest.raises(KeyboardInterrupt):
        bip.person_periods(folder, out=tmp_path / "periods", collapse=collapse)
    assert not (tmp_path / "periods").exists()
    assert len(list((tmp_path / "periods.unfinished").iterdir())) == 4
    out = bip.person_periods(folder, out=tmp_path / "periods", collapse=collapse)
    assert stopped.calls == 5 + n_parts - 4
    assert_frame_equal(read(out), read(whole))
    assert (out / "_flow.json").read_text() == (whole / "_flow.json").read_text()
    assert not (tmp_path / "periods.unfinished").exists()


def test_the_beginning_of_other_work_is_refused(folder: Path, tmp_path: Path, monkeypatch) -> None:
    Interrupted(monkeypatch, at=3)
    with pytest.raises(KeyboardInterrupt):
        bip.person_periods(folder, out=tmp_path / "periods")
    for options in ({"width": 26}, {"changes": "start"}, {"collapse": MODEL}):
        with pytest.raises(bip.OptionError, match="beginning of other work"):
            bip.person_periods(folder, out=tmp_path / "periods", **options)
    rows = read(folder / "part-3.parquet")
    rows.assign(age=rows["age"] + 1).to_parquet(folder / "part-3.parquet", index=False)
    with pytest.raises(bip.OptionError, match="beginning of other work"):
        bip.person_periods(folder, out=tmp_path / "periods")


@pytest.fixture
def small_files() -> Iterator[None]:
    """No file may grow past 4,000 bytes: what a full disk looks like to the process that writes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4_000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_is_named_and_keeps_what_was_written(folder: Path, tmp_path: Path, request) -> None:
    whole = bip.person_periods(folder, out=tmp_path / "whole")
    request.getfixturevalue("small_files")
    with pytest.raises(
        bip.ModelError, match=r"part-000000\.parquet' could not be written: .*0 part\(s\) are finished"
    ):
        bip.person_periods(folder, out=tmp_path / "periods")
    assert not (tmp_path / "periods").exists()
    assert list((tmp_path / "periods.unfinished").iterdir()) == []
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert_frame_equal(read(bip.person_periods(folder, out=tmp_path / "periods")), read(whole))


def test_clients_that_come_again_are_refused_by_number(
    spells: pd.DataFrame, folder: Path, tmp_path: Path
) -> None:
    spells.iloc[:1].to_parquet(folder / "part-11.parquet", index=False)
    words = r"^part-11\.parquet: 1 client\(s\) have rows in several places.*Sort"
    with pytest.raises(bip.ModelError, match=words) as said:
        bip.person_periods(folder, out=tmp_path / "periods")
    assert str(spells["client"].iloc[0]) not in str(said.value)
    mixed = spells.iloc[np.r_[:20, 100:120, 20:100]]
    mixed.to_parquet(tmp_path / "mixed.parquet", index=False)
    with pytest.raises(bip.ModelError, match=r"^mixed\.parquet: .* have rows in several places"):
        bip.person_periods(tmp_path / "mixed.parquet", out=tmp_path / "others")


def spoil(path: Path, how: str) -> None:
    rows = read(path)
    if how == "truncated":
        path.write_bytes(path.read_bytes()[:-60])
    elif how == "absent":
        rows.drop(columns="age").to_parquet(path, index=False)
    elif how == "more":
        rows.assign(extra=1).to_parquet(path, index=False)
    elif how == "type":
        rows.assign(age=rows["age"].astype(str)).to_parquet(path, index=False)
    elif how == "empty rows":
        rows.assign(stop=rows["start"]).to_parquet(path, index=False)
    elif how == "no client":
        rows.assign(client=rows["client"].where(np.arange(len(rows)) != 3)).to_parquet(path, index=False)


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("truncated", "cannot be read"),
        ("absent", r"lacks the column\(s\) age"),
        ("more", "also has extra"),
        ("type", "column 'age' is of type"),
        ("empty rows", r"positions from row [\d,]+ of all: \d+ row\(s\) of the spells have start >= stop"),
        ("no client", r"1 row\(s\) have no client"),
    ],
)
def test_a_bad_file_is_named_and_nothing_is_published(
    folder: Path, tmp_path: Path, how: str, words: str
) -> None:
    spoil(folder / "part-6.parquet", how)
    with pytest.raises(bip.ModelError, match=rf"^part-6\.parquet.*{words}"):
        bip.person_periods(folder, out=tmp_path / "periods")
    assert not (tmp_path / "periods").exists()


def test_what_has_no_meaning_is_refused(spells: pd.DataFrame, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "periods"
    with pytest.raises(bip.OptionError, match="to_parquet"):
        bip.person_periods(spells, out=out)  # type: ignore[call-overload]
    with pytest.raises(bip.OptionError, match="out="):
        bip.person_periods(folder)  # type: ignore[call-overload]
    with pytest.raises(bip.OptionError, match="collapse="):
        bip.person_periods(spells, collapse=MODEL)  # type: ignore[call-overload]
    with pytest.raises(bip.OptionError, match="new folder"):
        bip.person_periods(folder, out=folder)
    with pytest.raises(bip.OptionError, match="folder that exists"):
        bip.person_periods(folder, out=tmp_path / "none" / "periods")
    with pytest.raises(bip.OptionError, match="collapse="):
        bip.person_periods(folder, out=out, collapse=["count"])
    with pytest.raises(bip.ModelError, match="collapse= names weather"):
        bip.person_periods(folder, out=out, collapse=["weather"])
    with pytest.raises(bip.ModelError, match="no such file"):
        bip.person_periods(tmp_path / "nothing", out=out)
    (tmp_path / "hollow").mkdir()
    with pytest.raises(bip.ModelError, match="holds no files"):
        bip.person_periods(tmp_path / "hollow", out=out)
    spells.iloc[:0].to_parquet(tmp_path / "none.parquet")
    with pytest.raises(bip.ModelError, match="has no rows"):
        bip.person_periods(tmp_path / "none.parquet", out=out)
    spells.drop(columns="stop").to_parquet(tmp_path / "without.parquet")
    with pytest.raises(bip.ModelError, match=r"lack the column\(s\) stop"):
        bip.person_periods(tmp_path / "without.parquet", out=out)


@pytest.mark.parametrize("held", [1_000_000, 20], ids=["all held", "few held"])
def test_counts_of_equal_rows_give_the_estimates_of_the_rows(
    spells: pd.DataFrame, folder: Path, tmp_path: Path, monkeypatch, held: int
) -> None:
    monkeypatch.setattr(period_files, "_HELD", held)
    monkeypatch.setattr(period_files, "MADE", 100)
    out = bip.person_periods(folder, out=tmp_path / "counts", collapse=MODEL)
    counts, rows = read(out), bip.person_periods(spells)
    keys = ["period", "event", *MODEL]
    assert counts.columns.tolist() == [*keys, "count"]
    expected = rows.groupby(keys, observed=True, dropna=False).size()
    assert_frame_equal(
        counts.groupby(keys, observed=True, dropna=False)["count"].sum().reset_index(),
        expected.rename("count").reset_index(),
        check_dtype=False,
    )
    assert (len(counts) == len(expected)) == (held > 20)
    assert (len(list(out.glob("*.parquet"))) == 1) == (held > 20)
    assert len(counts) < len(rows)
    written = json.loads((out / "_flow.json").read_text())
    assert (written["rows_out"], written["rows_written"]) == (len(rows), len(counts))
    options: dict[str, Any] = {"exposure": "exposure", "missing": "drop", "vcov": bip.cluster("jobcentre")}
    one = bip.hazard("caseworker_belief", counts, counts="count", **options)
    other = bip.hazard("caseworker_belief", rows, **options)
    pd.testing.assert_frame_equal(one.tidy(), other.tidy(), rtol=1e-9)
    assert (one.nobs, one.n_events) == (other.nobs, other.n_events)


def test_the_bar_counts_blocks(folder: Path, tmp_path: Path, capsys) -> None:
    bip.person_periods(folder, out=tmp_path / "periods", progress=True)
    assert f"person-periods [{'#' * 30}]" in capsys.readouterr().err


LENGTHS = st.lists(st.tuples(st.integers(1, 4), st.integers(0, 40)), min_size=1, max_size=25)


@settings(deadline=None, max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lengths=LENGTHS, read_at_once=st.integers(1, 12), seed=st.integers(0, 99))
def test_batches_do_not_matter(
    lengths: list[tuple[int, int]], read_at_once: int, seed: int, tmp_path_factory, monkeypatch
) -> None:
    monkeypatch.setattr(batches, "READ", read_at_once)
    monkeypatch.setattr(batches, "MADE", 4 * read_at_once)
    draw, rows = np.random.default_rng(seed), []
    for client, (n, length) in enumerate(lengths):
        edges = np.sort(draw.choice(np.arange(length + n + 1), n + 1, replace=False))
        rows += [(f"c{client % 3}{client}", low, high, 0) for low, high in pairwise(edges)]
    frame = pd.DataFrame(rows, columns=["client", "start", "stop", "event"])
    folder = tmp_path_factory.mktemp("spells")
    frame.to_parquet(folder / "spells.parquet", index=False, row_group_size=7)
    out = bip.person_periods(folder / "spells.parquet", 5, out=folder / "periods")
    assert_frame_equal(read(out), bip.person_periods(frame, 5), check_column_type=False)
