"""Documents parsed in a process of its own, with a bound on its memory: a parser in C may die of hostile text, a worker must not.

A document that ends the process is tried once more, alone in a new one; if that ends too, it is not measured. So what is not
measured depends on the document alone, not on what came before it.
"""

import contextlib
import os
import pickle
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO

from pipeline.errors import RunError

if TYPE_CHECKING:
    from pipeline.curation.parsing import Parsed

Document = tuple[int, bytes]  # a grammar's place in grammars.NAMES, and the text

MEMORY_BYTES = 1 << 30  # of its address space; 1 MiB of code takes about 100 MB beside the 150 MB of the grammars
_GROUP_BYTES = 4 << 20  # sent at a time
_LOCK = threading.Lock()


def parse_all(documents: Sequence[Document]) -> "list[Parsed | None]":
    """What `parsing.parse` finds in each document; None: too much work, or it ended the process.

    Raises:
        RunError: the process can't be started, or was killed by someone else.
    """
    with _LOCK:
        return [parsed for group in _groups(documents) for parsed in _parse_group(group)]


def process_id() -> int | None:
    """That of the parser's process; None: none runs."""
    return _process.child.pid if _process is not None and _process.alive else None


def _groups(documents: Sequence[Document]) -> Iterator[Sequence[Document]]:
    start = size = 0
    for place, (_, text) in enumerate(documents):
        if size and size + len(text) > _GROUP_BYTES:
            yield documents[start:place]
            start, size = place, 0
        size += len(text)
    if start < len(documents):
        yield documents[start:]


def _parse_group(group: Sequence[Document]) -> "list[Parsed | None]":
    results: list[Parsed | None] = []
    while len(results) < len(group):
        results += _running().exchange(group[len(results) :])
        if len(results) < len(group):
            alone = _start().exchange(group[len(results) : len(results) + 1])
            results += alone or [None]
    return results


class _Process:
    """The other end of `_serve`."""

    def __init__(self) -> None:
        self.owner = os.getpid()  # a fork has no share in it
        paths = os.pathsep.join(path or os.getcwd() for path in sys.path)
        # -P: a user's own pickle.py, where tenfold is run, is not for it.
        command = [sys.executable, "-P", "-m", __name__]
        environment = os.environ | {"PYTHONPATH": paths}
        self.child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
        if self._receive() != "ready":
            raise RunError(f"the parser's process did not start (exit status {self.child.wait()}): what it printed says why")

    @property
    def alive(self) -> bool:
        return self.owner == os.getpid() and self.child.poll() is None

    def exchange(self, documents: Sequence[Document]) -> "list[Parsed | None]":
        """The results of the documents in order, up to one that ends the process."""
        assert self.child.stdin is not None
        results: list[Parsed | None] = []
        with contextlib.suppress(BrokenPipeError):
            pickle.dump(documents, self.child.stdin, pickle.HIGHEST_PROTOCOL)
            self.child.stdin.flush()
        while len(results) < len(documents) and (received := self._receive()) is not _ENDED:
            results.append(received)
        if len(results) < len(documents) and self.child.wait() in (-signal.SIGKILL, -signal.SIGTERM):
            raise RunError("the parser's process was killed: is this machine short of memory?")
        return results

    def _receive(self) -> Any:
        assert self.child.stdout is not None
        try:
            return pickle.load(self.child.stdout)
        except (EOFError, pickle.UnpicklingError):
            return _ENDED


_ENDED = object()
_process: _Process | None = None


def _running() -> _Process:
    return _process if _process is not None and _process.alive else _start()


def _start() -> _Process:
    global _process
    _process = _Process()
    return _process


def _serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answers each document of each request at once; ends with the requests, that is with the parent."""
    from pipeline.curation.parsing import parse

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent answers it
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(ValueError, OSError):  # not every system can
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    _send("ready", answers)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # last words of the parser
    while True:
        try:
            documents = pickle.load(requests)
        except EOFError:
            return
        for grammar, text in documents:
            _send(parse(text, grammar=grammar), answers)


def _send(answer: object, answers: BinaryIO) -> None:
    pickle.dump(answer, answers, pickle.HIGHEST_PROTOCOL)
    answers.flush()


if __name__ == "__main__":
    _serve(sys.stdin.buffer, sys.stdout.buffer)
