"""One function for loops of draws: the same numbers everywhere, and nothing finished is lost."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bipstats as bip
from bipstats.core.journal import Journal
from bipstats.core.resample import Groups, draws, permuted_within, resampled_groups
from bipstats.seeds import generator, seed_sequence

N = 12


@dataclass(frozen=True)
class Found:
    value: float
    parts: np.ndarray


def moments(rng: np.random.Generator, x: np.ndarray) -> tuple[float, np.ndarray]:
    drawn = x[rng.integers(len(x), size=len(x))]
    return float(drawn.mean()), np.quantile(drawn, [0.25, 0.75])


def plain(results: list[Any]) -> list[Any]:
    return [(value, parts.tolist()) for value, parts in results]


X = np.random.default_rng(3).normal(size=50)
EXPECTED = [moments(np.random.default_rng(seed), X) for seed in np.random.SeedSequence(5).spawn(N)]


@pytest.mark.parametrize("jobs", [None, 1, 2])
def test_each_draw_has_the_child_of_its_number_on_any_number_of_workers(jobs: int | None) -> None:
    assert plain(draws(moments, N, X, rng=5, jobs=jobs)) == plain(EXPECTED)


@pytest.mark.parametrize("backend", ["threading", "loky", "multiprocessing", "sequential"])
def test_each_draw_has_the_child_of_its_number_on_any_backend(backend: str) -> None:
    # multiprocessing, like ray, gives no generators
    with joblib.parallel_config(backend=backend, n_jobs=2):
        assert plain(draws(moments, N, X, rng=5)) == plain(EXPECTED)


def test_a_dask_cluster_gives_the_same_numbers_and_names_the_draw_that_fails() -> None:
    distributed = pytest.importorskip("distributed")
    options = {"n_workers": 1, "threads_per_worker": 2, "processes": False, "dashboard_address": None}
    with distributed.LocalCluster(**options) as cluster, distributed.Client(cluster):  # noqa: SIM117
        with joblib.parallel_config(backend="dask"):
            assert plain(draws(moments, N, X, rng=5)) == plain(EXPECTED)
            assert plain(draws(moments, N, X, rng=5, jobs=2)) == plain(EXPECTED)
            with pytest.raises(bip.ModelError, match="draw 4 of 6 failed: ZeroDivisionError"):
                draws(fails_at, 6, fourth(6), rng=1)


def fails_at(rng: np.random.Generator, number: float) -> float:
    found = float(rng.random())
    return 1 / 0 if found == number else found


def fourth(n: int) -> float:
    return float(np.random.default_rng(np.random.SeedSequence(1).spawn(n)[3]).random())


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_task_that_raises_names_the_draw(jobs: int) -> None:
    with pytest.raises(bip.ModelError, match=r"bootstrap: draw 4 of 6 failed: ZeroDivisionError: .*zero"):
        draws(fails_at, 6, fourth(6), rng=1, jobs=jobs, label="bootstrap")


class Interrupting:
    """A task that is interrupted once, at one of its calls, and counts them."""

    def __init__(self, at: int) -> None:
        self.at, self.calls = at, 0
        self.__qualname__ = "moments"

    def __call__(self, rng: np.random.Generator, x: np.ndarray) -> tuple[float, np.ndarray]:
        self.calls += 1
        if self.calls == self.at:
            raise KeyboardInterrupt
        return moments(rng, x)


def test_an_interrupted_loop_goes_on_with_the_draws_it_lacks(tmp_path: Path) -> None:
    task, path = Interrupting(at=6), tmp_path / "draws"
    with pytest.raises(KeyboardInterrupt):
        draws(task, N, X, rng=5, checkpoint=path)
    assert len(path.read_text().splitlines()) == 1 + 5
    assert plain(draws(task, N, X, rng=5, checkpoint=path)) == plain(EXPECTED)
    assert task.calls == 6 + N - 5
    assert plain(draws(task, N, X, rng=5, checkpoint=path)) == plain(EXPECTED)
    assert task.calls == 6 + N - 5


def test_workers_go_on_from_a_checkpoint_and_a_line_cut_short_is_drawn_again(tmp_path: Path) -> None:
    path = tmp_path / "draws"
    draws(moments, N, X, rng=5, checkpoint=path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert plain(draws(moments, N, X, rng=5, jobs=2, checkpoint=path)) == plain(EXPECTED)
    assert path.read_bytes() == whole


@pytest.mark.parametrize(
    ("task", "n", "x", "seed"),
    [(moments, N, X, 6), (moments, N + 1, X, 5), (moments, N, X + 1, 5), (fails_at, N, 0.0, 5)],
    ids=["seed", "number", "arguments", "task"],
)
def test_the_checkpoint_of_another_loop_is_refused(tmp_path: Path, task, n, x, seed) -> None:
    path = tmp_path / "draws"
    draws(moments, N, X, rng=5, checkpoint=path)
    before = path.read_bytes()
    with pytest.raises(bip.OptionError, match="of other work"):
        draws(task, n, x, rng=seed, checkpoint=path)
    assert path.read_bytes() == before


def test_a_file_that_is_no_checkpoint_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes"
    path.write_text("dear diary\n")
    with pytest.raises(bip.OptionError, match="of other work"):
        draws(moments, N, X, rng=5, checkpoint=path)
    assert path.read_text() == "dear diary\n"
    path.write_bytes(b"PAR1 \xff no line end")
    with pytest.raises(bip.OptionError, match="of other work"):
        draws(moments, N, X, rng=5, checkpoint=path)
    assert path.read_bytes() == b"PAR1 \xff no line end"


def test_a_damaged_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "draws"
    draws(moments, N, X, rng=5, checkpoint=path)
    lines = path.read_text().splitlines()
    for bad in ("2 {", "1 0.5", "two"):
        path.write_text("\n".join([*lines[:3], bad, *lines[4:]]) + "\n")
        with pytest.raises(bip.ModelError, match=r"line 4, is damaged"):
            draws(moments, N, X, rng=5, checkpoint=path)


@pytest.fixture
def small_files() -> Iterator[None]:
    """No file may grow past 700 bytes: what a full disk looks like to the process that writes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (700, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.usefixtures("small_files")
def test_a_full_disk_costs_the_lines_to_come_and_not_the_loop(tmp_path: Path) -> None:
    path = tmp_path / "draws"
    with pytest.warns(bip.ModelWarning, match="could not be written .*would go on from result") as caught:
        assert plain(draws(moments, N, X, rng=5, checkpoint=path)) == plain(EXPECTED)
    assert len(caught) == 1
    assert path.read_bytes().endswith(b"\n")
    written = len(path.read_text().splitlines()) - 1
    assert 0 < written < N
    task = Interrupting(at=-1)
    key = path.read_text().splitlines()[0]
    assert "moments" in key
    with pytest.warns(bip.ModelWarning, match="could not be written"):
        assert plain(draws(moments, N, X, rng=5, checkpoint=path)) == plain(EXPECTED)
    assert task.calls == 0


def test_a_checkpoint_needs_a_seed_a_folder_and_plain_results(tmp_path: Path) -> None:
    with pytest.raises(bip.OptionError, match="needs rng="):
        draws(moments, N, X, rng=None, checkpoint=tmp_path / "draws")
    with pytest.raises(bip.OptionError, match="cannot be written: No such file"):
        draws(moments, N, X, rng=1, checkpoint=tmp_path / "none" / "draws")
    with pytest.raises(bip.ModelError, match="result 0 holds Generator"):
        draws(as_it_is, 2, rng=1, checkpoint=tmp_path / "draws")


def as_it_is(rng: np.random.Generator) -> np.random.Generator:
    return rng


def found(rng: np.random.Generator) -> dict[str, Found]:
    return {"a": Found(float(rng.random()), rng.random(2))}


def test_results_may_be_dataclasses(tmp_path: Path) -> None:
    first = draws(found, 3, rng=1, checkpoint=tmp_path / "draws", kinds=[Found])
    again = draws(found, 3, rng=1, checkpoint=tmp_path / "draws", kinds=[Found])
    assert isinstance(again[0]["a"], Found)
    assert [one["a"].value for one in again] == [one["a"].value for one in first]
    assert np.array_equal(again[2]["a"].parts, first[2]["a"].parts)


def test_the_bar_counts_finished_draws(tmp_path: Path, capsys) -> None:
    draws(moments, N, X, rng=5, checkpoint=tmp_path / "draws", shown=True, label="bootstrap")
    assert f"bootstrap [{'#' * 30}] {N}/{N}" in capsys.readouterr().err


def test_arguments_without_a_meaning_are_refused() -> None:
    for n in (0, True, 2.5):
        with pytest.raises(bip.OptionError, match="number of draws"):
            draws(moments, n, X, rng=1)
    for jobs in (0, True, "two"):
        with pytest.raises(bip.OptionError, match="number of workers"):
            draws(moments, 1, X, rng=1, jobs=jobs)
    for rng in (-1, True, "one", 0.5):
        with pytest.raises(bip.OptionError, match="rng="):
            draws(moments, 1, X, rng=rng)


def test_rng_means_the_same_everywhere() -> None:
    assert generator(7).random() == np.random.default_rng(7).random()
    own = np.random.default_rng(7)
    assert generator(own) is own
    one, two = (seed_sequence(np.random.default_rng(7)).entropy for _ in range(2))
    assert one == two
    assert seed_sequence(own).entropy != seed_sequence(own).entropy
    assert seed_sequence(None).entropy != seed_sequence(None).entropy


def test_a_journal_of_nothing_is_empty_twice(tmp_path: Path) -> None:
    assert Journal(tmp_path / "journal", "work").done == []
    assert Journal(tmp_path / "journal", "work").done == []


CODES = st.lists(st.integers(0, 4), min_size=1, max_size=30).map(
    lambda values: np.unique(values, return_inverse=True)[1].astype(np.int64)
)


@settings(deadline=None, max_examples=30)
@given(CODES, st.integers(0, 100))
def test_resampled_groups_come_whole(codes: np.ndarray, seed: int) -> None:
    rows, group = resampled_groups(np.random.default_rng(seed), Groups.of(codes))
    drawn = np.random.default_rng(seed).integers(codes.max() + 1, size=codes.max() + 1)
    assert len(np.unique(group)) == codes.max() + 1
    for number, code in enumerate(drawn):
        assert rows[group == number].tolist() == np.flatnonzero(codes == code).tolist()


@settings(deadline=None, max_examples=30)
@given(CODES, st.integers(0, 100))
def test_a_permutation_within_groups_leaves_no_group(codes: np.ndarray, seed: int) -> None:
    found = permuted_within(np.random.default_rng(seed), Groups.of(codes))
    assert sorted(found.tolist()) == list(range(len(codes)))
    assert np.array_equal(codes[found], codes)


def test_every_permutation_within_a_group_is_equally_likely() -> None:
    groups, rng = Groups.of(np.array([1, 0, 1, 1])), np.random.default_rng(1)
    seen = [tuple(permuted_within(rng, groups).tolist()) for _ in range(6000)]
    counts = np.unique(seen, axis=0, return_counts=True)[1]
    assert len(counts) == 6
    assert ((counts - 1000) ** 2 / 1000).sum() < 20.5  # chi-squared with 5 degrees of freedom, 0.1 %
