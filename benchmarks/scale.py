"""Cost of a hazard on rows that are never held, against the same fit in memory.

``python benchmarks/scale.py FOLDER [ROWS ...]`` writes person-weeks of the generator's study into FOLDER, tiled to so
many rows (1e5 1e6 1e7 if none are named; 1e8 takes 2 GB of disk), fits each from its files and a million in memory,
and prints one line a size. Every fit is a process of its own, so that its peak memory is its own.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from measure import resident

TILE = 200_000  # rows that are simulated; the rest are copies with identifiers of their own
FILE = 5_000_000
GROUP = 500_000
IN_MEMORY = 1_000_000
KEYS = (
    "job_search", "labour_market_knowledge", "health_coping", "cooperation", "work_self_efficacy", "realistic_wage",
    "caseworker_belief", "goal_directed", "realistic_competences", "everyday_coping", "network",
)  # fmt: skip
FLAGS = ("vocational_qualification", "mental_diagnosis", "musculoskeletal_diagnosis", "convicted", "switched")
SHARES = ("job_share_5y", "support_share_5y")
COUNTS = ("age",)
COVARIATES = (*KEYS, *FLAGS, *SHARES, *COUNTS, "male", "single", "western", "centre_1", "centre_2", "weekly")
"""The last differs from row to row, so that no rows are equal and every fit has to compute with all of them."""


def tile() -> pd.DataFrame:
    """Person-weeks of simulated clients: 25 covariates as int8 and float32, periods of a quarter of a year."""
    import bipstats as bip

    weeks = bip.person_periods(bip.spells(bip.simulate(clients=3000, rng=1)), width=1)
    weeks = weeks.dropna(subset=list(KEYS)).iloc[:TILE]
    kinds = dict.fromkeys([*KEYS, *FLAGS], np.int8) | dict.fromkeys([*SHARES, *COUNTS], np.float32)
    made = {name: weeks[name].astype(kind) for name, kind in kinds.items()}
    made |= {
        "male": (weeks["sex"] == "male").astype(np.int8),
        "single": (weeks["civil_status"] == "single").astype(np.int8),
        "western": (weeks["origin"] == "western").astype(np.int8),
        "centre_1": (weeks["jobcentre"].cat.codes == 1).astype(np.int8),
        "centre_2": (weeks["jobcentre"].cat.codes == 2).astype(np.int8),
        "client": pd.factorize(weeks["client"])[0].astype(np.int32),
        "caseworker": pd.factorize(weeks["caseworker"])[0].astype(np.int32),
        "period": (weeks["period"] // 13).clip(upper=9).astype(np.int8),
        "event": weeks["event"].astype(np.int8),
    }
    return pd.DataFrame(made).reset_index(drop=True)


def write(folder: Path, n: int) -> None:
    """Write n rows, copy by copy: never more than one file is in memory."""
    rows = tile()
    folder.mkdir(parents=True)
    clients = int(rows["client"].max()) + 1
    rng = np.random.default_rng(1)
    writer, written = None, 0
    for copy in range(-(-n // len(rows))):
        if written % FILE == 0 and writer is not None:
            writer.close()
            writer = None
        part = rows.iloc[: n - copy * len(rows)].assign(
            client=rows["client"] + copy * clients,
            caseworker=rows["caseworker"] + copy % 40 * 1000,
            weekly=rng.normal(size=len(rows)).astype(np.float32)[: n - copy * len(rows)],
        )
        table = pa.Table.from_pandas(part, preserve_index=False)
        if writer is None:
            writer = pq.ParquetWriter(folder / f"part-{written // FILE:04}.parquet", table.schema)
        writer.write_table(table, row_group_size=GROUP)
        written += len(part)
    assert writer is not None
    writer.close()


def fit(folder: Path, how: str) -> None:
    """Fit once, and print seconds and peak memory as JSON."""
    import bipstats as bip

    first = pq.ParquetFile(min(folder.iterdir())).read_row_group(0).slice(0, 50_000).to_pandas()
    bip.hazard("age + weekly", first, vcov=bip.cluster("client"))  # warm: libraries are loaded
    del first
    data: object = folder if how == "stream" else pd.read_parquet(folder)
    before = resident(peak=False)
    begin, used = time.perf_counter(), time.process_time()
    found = bip.hazard(" + ".join(COVARIATES), data, vcov=bip.cluster("client"), progress=False)
    seconds = time.perf_counter() - begin
    print(json.dumps({
        "seconds": seconds, "cpu": time.process_time() - used, "peak": resident(peak=True), "before": before,
        "rows": found.nobs, "iterations": found.fit.iterations, "loglik": found.loglik,
        "estimate": found.params["caseworker_belief"], "error": found.bse["caseworker_belief"],
    }))  # fmt: skip


def measured(folder: Path, how: str) -> dict[str, float]:
    """Fit in a process of its own."""
    command = [sys.executable, __file__, "--fit", str(folder), how]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main() -> None:
    """Write, fit, print."""
    if sys.argv[1] == "--fit":
        return fit(Path(sys.argv[2]), sys.argv[3])
    home = Path(sys.argv[1])
    sizes = [int(float(text)) for text in sys.argv[2:]] or [100_000, 1_000_000, 10_000_000]
    base = None
    titles = ("rows", "bytes/row", "how", "seconds", "s/million", "ratio", "cpu s", "peak MB")
    widths = (12, 10, 7, 9, 10, 6, 8, 8)
    print(" ".join(f"{title:>{width}}" for title, width in zip(titles, widths, strict=True)))
    for n in dict.fromkeys([IN_MEMORY, *sizes]):
        folder = home / str(n)
        write(folder, n)
        size = sum(path.stat().st_size for path in folder.iterdir()) / n
        for how in ("memory", "stream") if n == IN_MEMORY else ("stream",):
            got = measured(folder, how)
            each = got["seconds"] / n * 1e6
            base = each if base is None else base
            print(
                f"{n:>12,} {size:>10.1f} {how:>7} {got['seconds']:>9.2f} {each:>10.3f} {each / base:>6.2f} "
                f"{got['cpu']:>8.2f} {got['peak']:>8,.0f}   estimate {got['estimate']:.6f} ({got['error']:.6f}), "
                f"{got['iterations']} iterations",
                flush=True,
            )
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
