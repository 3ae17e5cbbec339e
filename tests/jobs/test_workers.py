"""Worker processes: the bytes of one process, and no process left behind, whatever happens to the first."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import ROOT, Run, Tenfold
from tests.corpus import Corpus, write_config
from tests.jobs.workdirs import all_outputs, assert_same, records

COMMAND = Path(sys.executable).parent / "tenfold"
PATIENCE_SECONDS = 300


class Started:
    """A command in a process group of its own, as a shell starts it."""

    def __init__(self, config: Path, *, workers: int, job: str = "run") -> None:
        self._output = config.with_suffix(".txt")
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        command = [COMMAND, job, config, "--workers", str(workers)]
        with open(self._output, "w") as output:
            self.process = subprocess.Popen(command, stdout=output, stderr=output, env=environment, start_new_session=True)

    @property
    def output(self) -> str:
        return self._output.read_text()

    def finish(self) -> int:
        return self.process.wait(PATIENCE_SECONDS)

    def wait_for(self, workdir: Path, job: str, *, num_records: int) -> None:
        """Until so many items of the job are done."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while len(records(workdir, job)) < num_records:
            assert self.process.poll() is None, f"it ended before {num_records} items of {job} were done: {self.output}"
            assert time.monotonic() < deadline, self.output
            time.sleep(0.005)

    def wait_until_alone(self) -> None:
        """Until no process of the group is left."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while living := group_members(self.process.pid):
            assert time.monotonic() < deadline, f"still there: {living}"
            time.sleep(0.05)


def group_members(group: int) -> dict[int, str]:
    """The command lines of the group's processes that live, by their ids."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state, _, its_group = (folder / "stat").read_text().rpartition(")")[2].split()[:3]
            if int(its_group) == group and state != "Z":
                found[int(folder.name)] = (folder / "cmdline").read_text().replace("\0", " ")
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def test_two_worker_processes_write_the_bytes_of_one_process(corpus: Corpus, whole: Run, tmp_path: Path) -> None:
    started = Started(write_config(tmp_path / "config.yaml", corpus.config(tmp_path / "run")), workers=2)
    assert started.finish() == 0, started.output
    assert "Traceback" not in started.output
    started.wait_until_alone()
    assert_same(tmp_path / "run", whole.workdir)


@pytest.mark.slow
def test_three_worker_processes_over_files_in_another_order_write_the_same_bytes(corpus: Corpus, whole: Run, tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    for path in sorted(corpus.root.rglob("*"), reverse=True):
        (raw / path.relative_to(corpus.root)).parent.mkdir(parents=True, exist_ok=True)
        if not path.is_dir():
            shutil.copy2(path, raw / path.relative_to(corpus.root), follow_symlinks=False)
    started = Started(write_config(tmp_path / "config.yaml", Corpus(raw, ()).config(tmp_path / "run")), workers=3)
    assert started.finish() == 0, started.output
    assert_same(tmp_path / "run", whole.workdir)


def _killed_and_resumed(
    job: str, corpus: Corpus, whole: Run, tenfold: Tenfold, folder: Path, *, record: str, num_records: int, all_of_them: bool
) -> None:
    """Kills the job with its workers in the middle; one process goes on."""
    workdir = folder / "run"
    config = write_config(folder / "config.yaml", corpus.config(workdir))
    for before in ("curate", "dedupe", "tokenize", "pack"):
        if before == job:
            break
        assert tenfold(before, config).status == 0
    started = Started(config, workers=2, job=job)
    started.wait_for(workdir, record, num_records=num_records)
    assert len(group_members(started.process.pid)) > 2
    if all_of_them:
        os.killpg(started.process.pid, signal.SIGKILL)
    else:
        started.process.kill()
    started.process.wait()
    started.wait_until_alone()
    # Workers that outlive the first process for a moment may well finish what they have in hand.
    assert not all_of_them or len(records(workdir, record)) < len(records(whole.workdir, record))
    before = all_outputs(workdir)
    tenfold.run(config)
    assert before.items() <= all_outputs(workdir).items()
    assert_same(workdir, whole.workdir)


def test_workers_die_with_a_first_process_that_is_killed_and_the_next_run_goes_on(
    corpus: Corpus, whole: Run, tenfold: Tenfold, tmp_path: Path
) -> None:
    _killed_and_resumed("curate", corpus, whole, tenfold, tmp_path, record="curate", num_records=2, all_of_them=False)


@pytest.mark.slow
@pytest.mark.parametrize(("job", "record"), [("dedupe", "dedupe-rank"), ("tokenize", "tokenize"), ("pack", "pack-plan")])
def test_a_later_job_that_is_killed_with_its_workers_goes_on(
    job: str, record: str, corpus: Corpus, whole: Run, tenfold: Tenfold, tmp_path: Path
) -> None:
    _killed_and_resumed(job, corpus, whole, tenfold, tmp_path, record=record, num_records=1, all_of_them=True)


def test_a_first_process_that_is_killed_before_its_workers_are_up_leaves_none(corpus: Corpus, tmp_path: Path) -> None:
    started = Started(write_config(tmp_path / "config.yaml", corpus.config(tmp_path / "run")), workers=2, job="curate")
    deadline = time.monotonic() + PATIENCE_SECONDS
    while len(group_members(started.process.pid)) < 3:
        assert time.monotonic() < deadline, started.output
        time.sleep(0.005)
    started.process.kill()
    started.process.wait()
    started.wait_until_alone()


def test_ctrl_c_ends_all_processes_with_one_line_and_status_130(corpus: Corpus, tmp_path: Path) -> None:
    workdir = tmp_path / "run"
    started = Started(write_config(tmp_path / "config.yaml", corpus.config(workdir)), workers=2, job="curate")
    started.wait_for(workdir, "curate", num_records=1)
    os.killpg(started.process.pid, signal.SIGINT)  # a terminal sends it to all of them
    assert started.finish() == 130
    started.wait_until_alone()
    assert started.output.splitlines()[-1] == "stopped; the same command goes on from here"
    assert "Traceback" not in started.output
