"""Streamed data that are damaged, and fits that are interrupted: named, nothing wrong returned, and resumed."""

from __future__ import annotations

import errno
import json
import os
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from streams import FORMULA, assert_same_fit, person_weeks, write_parts

import bipstats as bip
from bipstats.core import checkpoint
from bipstats.core.parquet_parts import Files
from bipstats.core.parts import Parts
from bipstats.errors import ModelError, ModelWarning, OptionError


@pytest.fixture(scope="module")
def weeks():
    return person_weeks()


@pytest.fixture
def folder(weeks, tmp_path):
    return write_parts(weeks, tmp_path / "weeks")


def change(folder, place, edit):
    """Write one of the files anew."""
    file = folder / f"part-{place}.parquet"
    edit(pd.read_parquet(file)).to_parquet(file, index=False, row_group_size=200)


def refused(folder, formula="x + g", **options):
    with pytest.raises(ModelError) as error:
        bip.hazard(formula, folder, **options)
    return str(error.value)


def test_a_file_with_another_type_is_named_with_both_types(folder):
    change(folder, 1, lambda d: d.assign(z=d["z"].astype(str)))
    text = refused(folder, "x + z")
    assert "part-1.parquet: column 'z' is of type string, in part-0.parquet of type int8" in text
    change(folder, 1, lambda d: d.assign(z=d["z"].astype(float)))
    assert "of type double, in part-0.parquet of type int8" in refused(folder, "x + z")


def test_labels_and_text_are_different_types(folder):
    change(folder, 2, lambda d: d.assign(g=d["g"].astype(str)))
    text = refused(folder)
    assert (
        "part-2.parquet: column 'g' is of type string, in part-0.parquet of type dictionary of string" in text
    )


def test_a_column_that_one_file_lacks_is_named(folder):
    change(folder, 1, lambda d: d.drop(columns="x"))
    assert "part-1.parquet has no column 'x', which part-0.parquet has" in refused(folder)
    change(folder, 1, lambda d: d.drop(columns="event"))
    assert "part-1.parquet has no column" in refused(folder, "g")


def test_a_column_that_no_file_has_is_named_with_the_nearest(folder):
    assert "'exposur'" in refused(folder, exposure="exposur")
    assert "did you mean 'exposure'" in refused(folder, exposure="exposur")


def test_a_truncated_file_is_named(folder):
    file = folder / "part-1.parquet"
    file.write_bytes(file.read_bytes()[:-400])
    text = refused(folder)
    assert text.startswith("part-1.parquet cannot be read") and "truncated or damaged" in text


def test_a_file_that_is_damaged_inside_is_named(folder):
    file = folder / "part-2.parquet"
    written = bytearray(file.read_bytes())
    begin = pq.ParquetFile(file).metadata.row_group(1).column(3).data_page_offset
    written[begin : begin + 60] = b"\xff" * 60
    file.write_bytes(bytes(written))
    assert refused(folder).startswith("part-2.parquet cannot be read")


def test_files_that_are_no_parquet_are_named(folder, tmp_path):
    (folder / "part-3.csv").write_text("client,x\n1,2\n")
    assert refused(folder).startswith("part-3.csv cannot be read")
    (tmp_path / "alone.csv").write_text("client,x\n1,2\n")
    assert refused(tmp_path / "alone.csv").startswith("alone.csv cannot be read")


def test_hidden_files_are_no_data(weeks, folder):
    (folder / "_SUCCESS").write_text("")
    (folder / ".part-0.parquet.crc").write_text("x")
    assert bip.hazard("x", folder).fit.flow[0] == ("given", len(weeks))


def test_nothing_to_read_is_said(folder, tmp_path):
    (tmp_path / "empty").mkdir()
    assert "holds no files" in refused(tmp_path / "empty")
    assert "no such file or folder" in refused(tmp_path / "nowhere")
    for place in range(3):
        change(folder, place, lambda d: d.iloc[:0])
    assert "has no rows" in refused(folder)


def test_a_file_without_rows_among_others_is_no_matter(weeks, folder):
    weeks.iloc[:0].to_parquet(folder / "part-9.parquet", index=False)
    assert_same_fit(bip.hazard("x + g", folder), bip.hazard("x + g", weeks))


def test_an_event_that_is_not_0_or_1_is_refused_with_its_file(folder):
    change(folder, 1, lambda d: d.assign(event=d["event"].where(d.index != 7, 2)))
    text = refused(folder)
    assert text.startswith(
        "part-1.parquet: column 'event' must hold 0 and 1 only; 1 rows hold others, e.g. 2"
    )


def test_a_share_of_time_out_of_range_and_infinity_are_refused_with_their_file(folder):
    change(folder, 2, lambda d: d.assign(exposure=1.5, x=np.float32("inf")))
    change(folder, 2, lambda d: d.assign(exposure=d["exposure"].astype(np.float32)))
    assert refused(folder, "z", exposure="exposure").startswith(
        "part-2.parquet: column 'exposure' must lie in (0, 1]"
    )
    assert refused(folder, "x").startswith("part-2.parquet: column 'x' has")


def test_ordered_categories_in_another_order_are_refused_with_their_file(folder):
    def ordered(levels):
        return lambda d: d.assign(g=d["g"].cat.set_categories(levels, ordered=True))

    for place, levels in enumerate((list("abc"), list("abc"), list("cba"))):
        change(folder, place, ordered(levels))
    assert refused(folder).startswith("part-2.parquet: the ordered categories of 'g'")


def test_numbers_as_text_are_refused_as_in_memory(weeks, tmp_path):
    rows = weeks.assign(z=weeks["z"].astype(str))
    write_parts(rows, tmp_path / "text")
    with pytest.raises(ModelError) as in_memory:
        bip.hazard("x + z", rows)
    assert refused(tmp_path / "text", "x + z") == str(in_memory.value)


def test_datasets_that_are_filtered_or_no_parquet_are_refused_with_the_cure(weeks, folder):
    dataset = ds.dataset(folder, format="parquet")
    assert "write_dataset" in refused(dataset.filter(ds.field("z") > 1))
    ds.write_dataset(pa.Table.from_pandas(weeks[["x", "event"]]), folder.parent / "feather", format="feather")
    assert "is not one of Parquet files" in refused(ds.dataset(folder.parent / "feather", format="feather"))
    assert "is not one of Parquet files" in refused(ds.dataset(pa.Table.from_pandas(weeks[["x", "event"]])))


def test_other_kinds_of_data_are_refused_as_before():
    with pytest.raises(ModelError, match="must be a pandas DataFrame"):
        bip.hazard("x", [1, 2])
    with pytest.raises(ModelError, match="to_pandas"):
        bip.hazard("x", pa.table({"x": [1]}))


def test_no_message_holds_an_identifier(weeks, tmp_path):
    rows = weeks.assign(
        client="secret" + weeks["client"].astype(str), event=weeks["event"].where(weeks.index != 9, 3)
    )
    write_parts(rows, tmp_path)
    assert "secret" not in refused(tmp_path, vcov="robust")
    assert "secret" not in refused(tmp_path, "x + C(client)", event="exit == job")


def test_folders_that_name_persons_are_not_named(weeks, tmp_path):
    rows = weeks[weeks["client"] < 40].assign(x=lambda d: d["x"].where(d["client"] != 17, np.inf))
    rows.to_parquet(tmp_path / "by", partition_cols=["client"])
    text = refused(tmp_path / "by", "x")
    assert "client=*/" in text and "of 40)" in text and "client=17" not in text
    rows.to_parquet(tmp_path / "few", partition_cols=["z", "g"])
    assert "/z=" in refused(tmp_path / "few", "x")


class Interrupted:
    """Raise KeyboardInterrupt in the middle of a pass, and count the passes that were begun."""

    def __init__(self, monkeypatch, stop_in=None):
        self.titles = []
        kept = Files.total

        def total(parts, function, columns, *args, title="", **options):
            self.titles.append(title)
            here = len(self.titles)

            def run(frame, *rest):
                if here == stop_in and self.seen:
                    raise KeyboardInterrupt
                self.seen += here == stop_in
                return function(frame, *rest)

            self.seen = 0
            return kept(parts, run, columns, *args, title=title, **options)

        monkeypatch.setattr(Files, "total", total)


@pytest.mark.parametrize("stop_in", [1, 2, 3, 4])
def test_an_interrupted_fit_goes_on_from_the_last_finished_pass(weeks, folder, tmp_path, stop_in):
    file, options = (
        tmp_path / "fit.json",
        {"exposure": "exposure", "vcov": bip.cluster("client", "caseworker")},
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Parts, "block", 200)
        patch.setattr("bipstats.models.streamed.SAMPLE", 400)
        whole = Interrupted(patch)
        uninterrupted = bip.hazard(FORMULA, folder, **options)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Parts, "block", 200)
        patch.setattr("bipstats.models.streamed.SAMPLE", 400)
        Interrupted(patch, stop_in)
        with pytest.raises(KeyboardInterrupt):
            bip.hazard(FORMULA, folder, checkpoint=file, **options)
    assert file.exists() == (stop_in > 1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Parts, "block", 200)
        patch.setattr("bipstats.models.streamed.SAMPLE", 400)
        rest = Interrupted(patch)
        resumed = bip.hazard(FORMULA, folder, checkpoint=file, **options)
    assert rest.titles == whole.titles[stop_in - 1 :]
    assert resumed.to_json() == uninterrupted.to_json()  # to the last bit
    assert_same_fit(resumed, bip.hazard(FORMULA, weeks, **options))


def test_a_checkpoint_holds_no_rows_and_no_identifiers(folder, tmp_path):
    for place in range(3):
        change(folder, place, lambda d: d.assign(client="secret" + d["client"].astype(str)))
    file = tmp_path / "fit.json"
    bip.hazard(FORMULA, folder, vcov=bip.cluster("client"), checkpoint=file)
    text = file.read_text()
    assert "secret" not in text and len(text) < 60_000
    assert json.loads(text)["model"] == "StreamedPasses"


def test_a_checkpoint_of_another_fit_is_refused(weeks, folder, tmp_path):
    file = tmp_path / "fit.json"
    bip.hazard("x", folder, checkpoint=file)
    before = file.read_bytes()
    for formula, options in (("x + z", {}), ("x", {"vcov": "robust"}), ("x", {"link": "logit"})):
        assert "is of another fit" in refused(folder, formula, checkpoint=file, **options)
    change(folder, 2, lambda d: d.iloc[:-1])
    assert "is of another fit" in refused(folder, "x", checkpoint=file)
    assert file.read_bytes() == before


def test_a_file_that_is_no_checkpoint_is_refused_and_left_alone(folder, tmp_path):
    file = tmp_path / "notes.txt"
    file.write_text("my notes")
    assert "cannot be used" in refused(folder, checkpoint=file)
    assert file.read_text() == "my notes"
    fit = tmp_path / "result.json"
    bip.hazard("x", folder).to_json(fit)
    assert "cannot be used" in refused(folder, checkpoint=fit)
    for place in (tmp_path, tmp_path / "nowhere" / "fit.json"):
        with pytest.raises(OptionError, match="no file in a folder that exists"):
            bip.hazard("x", folder, checkpoint=place)


def test_a_full_disk_costs_the_checkpoint_and_not_the_fit(weeks, folder, tmp_path, monkeypatch):
    file, kept = tmp_path / "fit.json", Path.write_text

    def full(path, text, **options):
        if path.name.startswith("fit.json"):
            kept(path, text[: len(text) // 2], **options)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return kept(path, text, **options)

    bip.hazard("x", folder, checkpoint=file)
    before = file.read_bytes()
    other = tmp_path / "fit.json2"
    monkeypatch.setattr(Path, "write_text", full)
    with pytest.warns(ModelWarning, match="No space left on device.*goes on"):
        fit = bip.hazard("x", folder, checkpoint=other)
    assert_same_fit(fit, bip.hazard("x", weeks))
    assert file.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["fit.json", "weeks"]  # nothing half written


def test_steps_are_taken_in_order_and_once(tmp_path):
    from dataclasses import make_dataclass

    kind = make_dataclass("Kept", [("key", str), ("done", tuple)], frozen=True)
    begun = []

    def work(value):
        return lambda: begun.append(value) or value

    steps = checkpoint.Steps(kind, "a", tmp_path / "s.json")
    assert [steps.step(work(k)) for k in (1, 2)] == [1, 2]
    again = checkpoint.Steps(kind, "a", tmp_path / "s.json")
    assert [again.step(work(k)) for k in (1, 2, 3)] == [1, 2, 3]
    assert begun == [1, 2, 3]


def test_files_need_no_dask(weeks, folder, monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] in ("dask", "distributed")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "dask", None)
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert_same_fit(bip.hazard("x", folder), bip.hazard("x", weeks))
