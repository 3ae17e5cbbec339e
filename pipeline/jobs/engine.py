"""Which engine runs a job, and how what it reports reaches the user."""

import contextlib
import logging
import os
import re
import shlex
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.transforms.environments import SubprocessSDKEnvironment

from pipeline import errors, storage

LOCAL_NAMES = {"FnApiRunner", "DirectRunner"}
WORKER = f"exec {shlex.quote(sys.executable)} -m pipeline.jobs.worker"  # takes this process's id
# Worker processes take some seconds to start; below this much text one process is sooner done.
SMALL_BYTES = 32 << 20
SPILL = "_spill"


@dataclass(frozen=True)
class Engine:
    """Where jobs run.

    Attributes:
        flags: Beam's own options, as the user gave them.
        workers: worker processes on this machine; None: by the size of the input.
    """

    flags: tuple[str, ...] = ()
    workers: int | None = None

    @property
    def is_local(self) -> bool:
        runner = PipelineOptions(list(self.flags)).get_all_options(drop_default=True).get("runner")
        return runner is None or runner in LOCAL_NAMES

    def num_workers(self, text_bytes: int) -> int:
        if not text_bytes:  # one element: a step that one worker does
            return 1
        if self.workers is not None:
            return self.workers
        return 1 if text_bytes < SMALL_BYTES else os.cpu_count() or 1

    def pipeline(self, text_bytes: int) -> beam.Pipeline:
        if not self.is_local:
            return beam.Pipeline(options=PipelineOptions(list(self.flags)))
        logging.getLogger("apache_beam").setLevel(logging.CRITICAL)  # what fails is raised, too
        workers = self.num_workers(text_bytes)
        flags = [flag for flag in self.flags if not flag.startswith("--runner")]
        options = PipelineOptions(flags, direct_num_workers=workers)
        # Named in full: "DirectRunner" would first try to download another runner.
        runner = FnApiRunner(SubprocessSDKEnvironment.from_command_string(f"{WORKER} {os.getpid()}") if workers > 1 else None)
        return beam.Pipeline(runner, options)

    def spill_folder(self, workdir: str, job: str) -> str | None:
        """Where blocks wait for the shuffle; None: they travel through the engine's own."""
        return storage.join(workdir, SPILL, job) if self.is_local else None

    def run(self, build: Callable[[beam.Pipeline], Any], *, job: str, workdir: str, text_bytes: int) -> None:
        """Builds the pipeline, runs it and waits.

        Raises:
            UsageError, RunError: raised so by a worker, wherever that was; the system refused it something.
            KeyboardInterrupt
        """
        spill = self.spill_folder(workdir, job)
        try:
            pipeline = self.pipeline(text_bytes)
            build(pipeline)
            with _dead_workers_noticed(job):
                pipeline.run().wait_until_finish()
        except Exception as error:
            own = _own_error(f"{type(error).__module__}.{type(error).__name__}: {error}")
            if own is None:
                raise
            raise own from error
        finally:
            if spill:
                shutil.rmtree(spill, ignore_errors=True)


@contextlib.contextmanager
def _dead_workers_noticed(job: str) -> Iterator[None]:
    """Beam waits for ever for a worker process that was killed: only the thread that watches the process learns of it.

    Raises:
        errors.RunError: a worker process died.
    """
    deaths: list[str] = []
    before = threading.excepthook

    def notice(thrown: threading.ExceptHookArgs) -> None:
        if "Worker subprocess exited" in str(thrown.exc_value):
            deaths.append(str(thrown.exc_value))
            # A signal to this very thread: nothing else wakes it from a lock.
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        elif not thrown.exc_type.__module__.startswith("grpc"):  # the dead worker's channel
            before(thrown)

    threading.excepthook = notice
    try:
        yield
    except KeyboardInterrupt:
        if not deaths:
            raise
        raise errors.RunError(
            f"{job}: a worker died ({deaths[0]}; -9 is often the system, out of memory): the same command goes on from here, "
            "with fewer --workers it takes less memory"
        ) from None
    finally:
        threading.excepthook = before


def _own_error(text: str) -> BaseException | None:
    """What a user should see of a worker's error, which travels as text or in the engine's wrapping; None: it is a fault of ours."""
    found = re.search(r"pipeline\.errors\.(UsageError|RunError|LawBroken): (.*?)(?: \[while running|\n\n|\Z)", text, re.S)
    if found:
        return getattr(errors, found[1])(found[2].strip())  # type: ignore[no-any-return]
    if re.search(r"\bKeyboardInterrupt \[while running", text):
        return KeyboardInterrupt()
    refused = re.search(r"(\[Errno \d+\]|\b(OSError|FileNotFoundError|PermissionError): (?!\[Errno)).*?(?= \[while running|\n|\Z)", text)
    return errors.RunError(refused[0]) if refused else None


class Deal(beam.PTransform):
    """Elements dealt to the workers one by one, in their order: with the large ones first the shares come out even.

    (A Reshuffle would deal them too, in an order of chance.)
    """

    def __init__(self, elements: Iterable[Any]) -> None:
        super().__init__()
        self._elements = list(enumerate(elements))

    def expand(self, root: Any) -> Any:
        return root | beam.Create(self._elements, reshuffle=False) | beam.GroupByKey() | beam.FlatMap(_values)


def _values(element: tuple[int, Iterable[Any]]) -> Iterable[Any]:
    return element[1]
