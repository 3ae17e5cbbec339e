"""What a person sees while a job runs: items done of total, documents/s, MB/s, time left.

Done records are watched, wherever the workers are: the same on every engine, and what earlier runs did counts as done.
"""

import json
import threading
import time
from dataclasses import dataclass
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from pipeline import storage
from pipeline.shards import DONE, done_path

POLL_SECONDS = 0.5
PLAIN_LINE_SECONDS = 10.0


@dataclass(frozen=True)
class Item:
    """One done record to wait for; `text_bytes` is its share of the work."""

    job: str
    item: str
    fingerprint: str
    text_bytes: int = 1


class JobProgress:
    """A context in which a bar runs (or, where no terminal is, a line every ten seconds)."""

    def __init__(self, title: str, items: list[Item], *, workdir: str, console: Console) -> None:
        self._title, self._workdir, self._console = title, workdir, console
        self._waiting = {done_path(workdir, item.job, item.item, item.fingerprint): item for item in items}
        self._num_items = len(items)
        self._total_bytes = sum(item.text_bytes for item in items)
        self._num_documents = self._num_bytes = self._done_bytes = 0
        self._folders = sorted({storage.join(workdir, DONE, item.job) for item in items})
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "JobProgress":
        self._started = time.monotonic()
        self._poll()  # what stands already is no work of this run
        self._skipped = self._num_items - len(self._waiting)
        self._skipped_bytes, self._num_documents, self._num_bytes = self._done_bytes, 0, 0
        skipped = f", {self._skipped} of them done before" if self._skipped else ""
        self._console.print(f"[bold]{self._title}[/bold]: {self._num_items} items{skipped}", highlight=False)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stop.set()
        self._thread.join()
        if kind is None:
            self._poll()
            seconds = time.monotonic() - self._started
            self._console.print(f"  done in {seconds:.1f} s{self._rates(seconds)}", highlight=False)

    def _watch(self) -> None:
        if not self._console.is_terminal:
            next_line = time.monotonic() + PLAIN_LINE_SECONDS
            while not self._stop.wait(POLL_SECONDS):
                self._poll()
                if time.monotonic() >= next_line:
                    next_line += PLAIN_LINE_SECONDS
                    self._console.print("  " + self._line(), highlight=False)
            return
        columns = (TextColumn("  {task.description}"), BarColumn(), TextColumn("{task.fields[line]}"), TimeRemainingColumn())
        with Progress(*columns, console=self._console, transient=True) as bar:
            task = bar.add_task(self._title, total=max(1, self._total_bytes), line=self._line())
            while not self._stop.wait(POLL_SECONDS):
                self._poll()
                bar.update(task, completed=self._done_bytes, line=self._line())

    def _line(self) -> str:
        seconds = time.monotonic() - self._started
        done = self._done_bytes - self._skipped_bytes
        left = (self._total_bytes - self._done_bytes) * seconds / done if done else None
        tail = "" if left is None or self._console.is_terminal else f", {left:.0f} s left"
        return f"{self._num_items - len(self._waiting)}/{self._num_items} items{self._rates(seconds)}{tail}"

    def _rates(self, seconds: float) -> str:
        if not self._num_documents or seconds <= 0:
            return ""
        rate = f", {self._num_documents / seconds:,.0f} documents/s"
        return rate + (f", {self._num_bytes / seconds / 1e6:.1f} MB/s" if self._num_bytes else "")

    def _poll(self) -> None:
        for folder in self._folders:
            for name in storage.list_names(folder):
                item = self._waiting.pop(storage.join(folder, name), None)
                if item is None:
                    continue
                counts = json.loads(storage.read_bytes(storage.join(folder, name)))["counts"]
                self._num_documents += counts.get("num_documents", 0)
                self._num_bytes += counts.get("num_bytes", 0)
                self._done_bytes += item.text_bytes
