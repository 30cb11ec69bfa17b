"""Dask: one task a partition, the same numbers; a worker that dies costs its partition's work."""

from __future__ import annotations

import os
import signal
import threading
import time

import numpy as np
import pytest
from streams import FORMULA, assert_same_fit, person_weeks, write_parts

import bipstats as bip
from bipstats.core.dask_parts import Partitions
from bipstats.errors import ModelError
from bipstats.models import streamed_clusters

pytest.importorskip("dask.dataframe")
distributed = pytest.importorskip("distributed")
import dask.dataframe as dd  # noqa: E402

BOTH_WAYS = bip.cluster("client", "caseworker", small_sample="CR1")


@pytest.fixture(scope="module")
def weeks():
    return person_weeks()


@pytest.fixture(scope="module")
def partitioned(weeks):
    return dd.from_pandas(weeks, npartitions=5, sort=False)


@pytest.fixture(scope="module")
def client():
    """A cluster of two processes on this machine."""
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=50
        ) as cluster,
        distributed.Client(cluster) as made,
    ):
        yield made


@pytest.mark.parametrize("vcov", ["robust", BOTH_WAYS], ids=str)
def test_a_fit_on_dask_is_the_fit_in_memory(weeks, partitioned, vcov):
    held = bip.hazard(FORMULA, weeks, exposure="exposure", vcov=vcov)
    assert_same_fit(bip.hazard(FORMULA, partitioned, exposure="exposure", vcov=vcov), held)
    assert_same_fit(held.with_vcov(vcov, partitioned), held)


def test_a_logit_on_dask_is_the_logit_in_memory(weeks, partitioned):
    formula = "event ~ x + text + C(z)"
    held = bip.logit(formula, weeks, weights="weight", vcov="robust")
    assert_same_fit(bip.logit(formula, partitioned, weights="weight", vcov="robust"), held)


@pytest.mark.filterwarnings("ignore:The inplace keyword in DataFrame.reset_index")  # in dask, with pandas 3
def test_dask_reads_the_same_files(weeks, tmp_path):
    write_parts(weeks, tmp_path)
    assert_same_fit(bip.hazard(FORMULA, dd.read_parquet(tmp_path)), bip.hazard(FORMULA, tmp_path))


def test_partitions_by_cluster_need_no_order(weeks, monkeypatch):
    monkeypatch.setattr(streamed_clusters, "FEW", 40)
    parts = [weeks[weeks["client"] % 3 == k].sample(frac=1, random_state=k) for k in range(3)]
    data = dd.concat([dd.from_pandas(part, npartitions=1, sort=False) for part in parts])
    held = bip.hazard("x", weeks, vcov="robust")
    found = bip.hazard("x", data, vcov="robust")
    np.testing.assert_allclose(found.bse, held.bse, rtol=1e-10)
    scattered = dd.from_pandas(weeks.sort_values("period"), npartitions=5, sort=False)
    with pytest.raises(ModelError, match=r"partition 0, partition 1.*data\.shuffle\('client'\)"):
        bip.hazard("x", scattered, vcov="robust")


def test_empty_partitions_are_no_matter_and_empty_frames_are_refused(weeks, partitioned):
    some = partitioned[partitioned["client"] < 120]  # later partitions are empty
    assert_same_fit(bip.hazard("x", some), bip.hazard("x", weeks[weeks["client"] < 120]))
    with pytest.raises(ModelError, match="has no rows"):
        bip.hazard("x", partitioned[partitioned["client"] < 0])


def test_a_partition_that_cannot_be_used_is_named(weeks):
    wrong = weeks.assign(event=weeks["event"].where(weeks.index != 450, 2))
    with pytest.raises(ModelError, match=r"^partition 3: column 'event' must hold 0 and 1 only"):
        bip.hazard("x", dd.from_pandas(wrong, npartitions=7, sort=False))
    with pytest.raises(ModelError, match="no column 'y'"):
        bip.hazard("y", dd.from_pandas(wrong, npartitions=7, sort=False))


def test_a_checkpoint_serves_dask_too(weeks, partitioned, tmp_path):
    file = tmp_path / "fit.json"
    first = bip.hazard("x", partitioned, checkpoint=file)
    assert bip.hazard("x", partitioned, checkpoint=file).to_json() == first.to_json()
    with pytest.raises(ModelError, match="of another fit"):
        bip.hazard("x", dd.from_pandas(weeks, npartitions=3, sort=False), checkpoint=file)


def test_a_cluster_gives_the_numbers_of_one_process_to_the_last_bit(partitioned, client):
    with client.as_current():
        on_cluster = bip.hazard(FORMULA, partitioned, vcov=BOTH_WAYS)
    import dask

    with dask.config.set(scheduler="synchronous"):
        alone = bip.hazard(FORMULA, partitioned, vcov=BOTH_WAYS)
    assert on_cluster.to_json() == alone.to_json()


def test_a_worker_that_dies_in_mid_run_costs_its_work_and_not_the_fit(
    weeks, partitioned, client, monkeypatch
):
    held = bip.hazard(FORMULA, weeks, vcov=BOTH_WAYS)
    kept, passes, victims = Partitions.total, [], []

    def total(parts, *args, **options):
        passes.append(options["title"])
        if len(passes) == 2:
            [victim, *_] = client.run(os.getpid).values()
            victims.append(victim)

            def kill():
                time.sleep(0.02)
                os.kill(victim, signal.SIGKILL)

            threading.Thread(target=kill).start()
        return kept(parts, *args, **options)

    monkeypatch.setattr(Partitions, "total", total)
    with client.as_current():
        data = partitioned.persist()  # partitions on the dead worker are lost with it
        distributed.wait(data)
        fit = bip.hazard(FORMULA, data, vcov=BOTH_WAYS)
    assert victims and len(passes) > 2
    assert victims[0] not in client.run(os.getpid).values()  # it did die
    assert_same_fit(fit, held)
