"""The corpus and the runs that several test files share: made once, also where pytest-xdist spreads the files over processes."""

import contextlib
import fcntl
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.corpus import Corpus, Row, write_config, write_corpus

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Death:
    """A signal just before the `count`-th rename, open or remove of a path with `where` in it."""

    where: str
    count: int = 1
    event: str = "os.rename"
    name: str = "SIGKILL"


@dataclass(frozen=True)
class Finished:
    status: int
    output: str


class Tenfold:
    """The command line in fresh processes; see tests/jobs/fork_server.py."""

    def __init__(self, folder: Path) -> None:
        self._output, self._log = folder / "output.txt", folder / "server.txt"
        command = [sys.executable, "-m", "tests.jobs.fork_server"]
        with open(self._log, "w") as log:
            self._server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, cwd=ROOT)

    def __call__(self, *arguments: str | Path, die: Death | None = None) -> Finished:
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        request = {"arguments": list(map(str, arguments)), "output": str(self._output), "die": die and asdict(die)}
        with contextlib.suppress(BrokenPipeError):
            print(json.dumps(request), file=self._server.stdin, flush=True)
        status = self._server.stdout.readline()
        assert status, f"the server is gone: {self._log.read_text()}"
        return Finished(int(status), self._output.read_text(errors="replace"))

    def run(self, config: Path) -> Finished:
        """A whole run, which ends well."""
        finished = self("run", config)
        assert finished.status == 0, finished.output
        return finished

    def close(self) -> None:
        self._server.communicate()


@pytest.fixture(scope="session")
def tenfold(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tenfold]:
    made = Tenfold(tmp_path_factory.mktemp("tenfold"))
    yield made
    made.close()


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Callable[[str, Callable[[Path], None]], Path]:
    """once(name, make): the folder of that name, made by whichever process of the session comes first."""
    base = tmp_path_factory.getbasetemp()
    root = base if worker_id == "master" else base.parent

    def make_once(name: str, make: Callable[[Path], None]) -> Path:
        folder, mark = root / name, root / f"{name}.made"
        with open(root / f"{name}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not mark.exists():
                folder.mkdir()
                make(folder)
                mark.touch()
        return folder

    return make_once


@pytest.fixture(scope="session")
def corpus(once: Callable[[str, Callable[[Path], None]], Path]) -> Corpus:
    """Only to be read."""

    def make(folder: Path) -> None:
        rows = write_corpus(folder / "raw").rows
        (folder / "rows.json").write_text(json.dumps(rows))

    folder = once("corpus", make)
    return Corpus(folder / "raw", tuple(Row(*row) for row in json.loads((folder / "rows.json").read_text())))


@dataclass(frozen=True)
class Run:
    """A workdir and the config that made it."""

    workdir: Path
    config: Path
    values: dict[str, Any]


@pytest.fixture(scope="session")
def whole(once: Callable[[str, Callable[[Path], None]], Path], corpus: Corpus, tenfold: Tenfold) -> Run:
    """A finished run in one process, undisturbed. Only to be read."""

    def make(folder: Path) -> None:
        tenfold.run(write_config(folder / "config.yaml", corpus.config(folder / "run")))

    folder = once("whole", make)
    return Run(folder / "run", folder / "config.yaml", corpus.config(folder / "run"))
