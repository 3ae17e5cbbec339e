"""Runs the command line again and again, each time in a process forked from one that has imported everything: `tenfold` without the
seconds of its imports, and with a death at a place of one's choice.

A request is a line of JSON on stdin, the answer (the exit status, negative for a signal) a line on stdout.
"""

import importlib
import json
import os
import signal
import sys
import traceback
from typing import Any


def serve() -> None:
    for module in ("curate", "dedupe", "tokenize", "pack"):
        importlib.import_module(f"pipeline.jobs.{module}")
    importlib.import_module("pipeline.report.page")
    _warm_up()
    answers = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            _run(json.loads(line))
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), file=answers, flush=True)


def _warm_up() -> None:
    """Loads the compiled kernels that most runs need; none of this starts a thread, which no fork would survive."""
    import pyarrow as pa

    from pipeline import schema
    from pipeline.curation.curate import curate
    from pipeline.curation.steps import StepSpec, build_steps
    from pipeline.dedup.params import NearParams
    from pipeline.dedup.signatures import signatures

    raw = pa.RecordBatch.from_pylist([{"id": 1, "container": "a", "row": 0, "text": "na\u00efve\r\n" * 90, "path": "a.py"}], schema.RAW)
    steps = build_steps([StepSpec(name=name) for name in ("starcoder2", "gopher_quality")])
    for fold_case in (False, True):
        signatures(curate(raw, steps).documents, NearParams(), fold_case=fold_case)


def _run(request: dict[str, Any]) -> None:
    output = os.open(request["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
    for stream in (1, 2):
        os.dup2(output, stream)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    if request["die"]:
        sys.addaudithook(Death(**request["die"]))
    from pipeline.cli import main

    sys.argv = ["tenfold", *request["arguments"]]
    status = 1
    try:
        main()
        status = 0
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else int(error.code is not None)
    except BaseException:
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


class Death:
    """A signal to oneself just before the `count`-th time that a file whose path has `where` in it is renamed, opened or removed."""

    def __init__(self, event: str, where: str, count: int, name: str) -> None:
        self._event, self._where, self._left, self._signal = event, where, count, signal.Signals[name]

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event != self._event or not any(self._where in str(argument) for argument in arguments[:2]):
            return
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), self._signal)


if __name__ == "__main__":
    serve()
