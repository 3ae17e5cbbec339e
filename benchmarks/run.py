"""What a whole run costs, job by job: seconds, cores kept busy, MB/s of raw text per core, and the most memory that all its processes held.

    python benchmarks/run.py CONFIG WORKDIR [--workers N]

WORKDIR is removed first, so that every job does all its work.
"""

import argparse
import json
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil

JOBS = ("curate", "dedupe", "tokenize", "pack", "report")


@dataclass
class Meter:
    """Samples a process and its children until it ends."""

    peak_bytes: int = 0
    cpu_seconds: dict[int, float] = field(default_factory=dict)

    def watch(self, process: subprocess.Popen[bytes]) -> float:
        started = time.monotonic()
        root = psutil.Process(process.pid)
        while process.poll() is None:
            self._sample(root)
            time.sleep(0.1)
        return time.monotonic() - started

    def _sample(self, root: psutil.Process) -> None:
        held = 0
        try:
            for process in (root, *root.children(recursive=True)):
                times = process.cpu_times()
                self.cpu_seconds[process.pid] = times.user + times.system
                # Pages that processes share are counted once.
                held += process.memory_full_info().pss
        except psutil.Error:
            return  # it ended between two looks
        self.peak_bytes = max(self.peak_bytes, held)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("config")
    arguments.add_argument("workdir", type=Path)
    arguments.add_argument("--workers", default=str(psutil.cpu_count()))
    given = arguments.parse_args()
    shutil.rmtree(given.workdir, ignore_errors=True)
    print(f"{psutil.cpu_count()} cores, {psutil.virtual_memory().total / 2**30:.0f} GiB; {given.workers} workers")
    print(f"{'job':10} {'seconds':>8} {'cores':>6} {'MB/s/core':>10} {'peak GB':>8}")
    total_seconds = total_cpu = raw_bytes = 0.0
    for job in JOBS:
        options = [str(given.workdir)] if job == "report" else [given.config, "--workdir", str(given.workdir), "--workers", given.workers]
        meter = Meter()
        process = subprocess.Popen([sys.executable, "-m", "pipeline.cli", job, *options], stdout=subprocess.DEVNULL)
        seconds = meter.watch(process)
        if process.returncode:
            sys.exit(f"{job} failed")
        if job == "curate":
            counts = json.loads((given.workdir / "decisions/manifest.json").read_text())["counts"]
            raw_bytes = sum(source["num_bytes"] for source in counts.values())
        cpu = sum(meter.cpu_seconds.values())
        total_seconds, total_cpu = total_seconds + seconds, total_cpu + cpu
        print(f"{job:10} {seconds:8.1f} {cpu / seconds:6.2f} {raw_bytes / 1e6 / cpu:10.1f} {meter.peak_bytes / 1e9:8.2f}", flush=True)
    rate = raw_bytes / 1e6 / total_cpu
    print(f"{'all':10} {total_seconds:8.1f} {total_cpu / total_seconds:6.2f} {rate:10.1f}      of {raw_bytes / 1e9:.2f} GB of raw text")


if __name__ == "__main__":
    main()
