"""A worker that the system kills ends the run with one line; Beam alone would wait for it for ever."""

import os
import signal
from pathlib import Path

from tests.conftest import Run, Tenfold
from tests.corpus import Corpus, write_config
from tests.jobs.test_workers import Started, group_members
from tests.jobs.workdirs import assert_same


def test_a_killed_worker_ends_the_run_with_one_line_and_the_next_run_goes_on(
    corpus: Corpus, whole: Run, tenfold: Tenfold, tmp_path: Path
) -> None:
    workdir = tmp_path / "run"
    config = write_config(tmp_path / "config.yaml", corpus.config(workdir))
    started = Started(config, workers=2, job="curate")
    started.wait_for(workdir, "curate", num_records=1)
    workers = [process for process, command in group_members(started.process.pid).items() if "pipeline.jobs.worker" in command]
    os.kill(workers[0], signal.SIGKILL)
    assert started.finish() == 1
    started.wait_until_alone()
    assert "error: curate: a worker died" in started.output.splitlines()[-1]
    assert "Traceback" not in started.output
    tenfold.run(config)
    assert_same(workdir, whole.workdir)
