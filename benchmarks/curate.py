"""What the curation of a config's sources costs, reading and writing included, in MB of text per second of one core.

    python benchmarks/curate.py CONFIG [--max-mb 100]

Each source is curated in this process, unit by unit, into a temporary workdir, up to about --max-mb of its text: as the config says, and
with no step but the normalisation, so that the difference is what the steps cost. CPU time is counted, not the clock's.
"""

import argparse
import tempfile
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.config import RunConfig, load_config
from pipeline.jobs.curate import curate_unit, plan_units
from pipeline.units import Unit


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path)
    parser.add_argument("--max-mb", type=float, default=100)
    args = parser.parse_args()
    config = load_config(str(args.config))
    units, _ = plan_units(config)
    print(f"{'source':20} {'MB':>8} {'MB/s':>8}  with no step")
    for name, source in config.sources.items():
        chosen: list[Unit] = []
        for unit in (unit for unit in units if unit.source == name):
            if sum(unit.text_bytes for unit in chosen) < args.max_mb * 1e6:
                chosen.append(unit)
        plain = config.model_copy(update={"sources": config.sources | {name: source.model_copy(update={"curation": []})}})
        (num_bytes, seconds), (_, plain_seconds) = (_curated(each, chosen) for each in (config, plain))
        print(f"{name:20} {num_bytes / 1e6:8.1f} {num_bytes / 1e6 / seconds:8.1f}  {num_bytes / 1e6 / plain_seconds:.1f}")


def _curated(config: RunConfig, units: list[Unit]) -> tuple[int, float]:
    """Bytes of text, and seconds the second time: kernels are compiled and models loaded by then."""
    for _ in range(2):
        with tempfile.TemporaryDirectory() as folder:
            placed = config.model_copy(update={"workdir": folder})
            started = time.process_time()
            for unit in units:
                curate_unit(unit, placed, fingerprint="benchmark")
            seconds = time.process_time() - started
            files = Path(folder, "decisions").glob("*.parquet")
            decisions = pa.concat_tables([pq.read_table(file, columns=["num_bytes"]) for file in files])
    return pc.sum(decisions["num_bytes"]).as_py(), seconds


if __name__ == "__main__":
    main()
