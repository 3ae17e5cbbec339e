"""A worker process of the local runner: Beam's own, quiet, and gone when its parent is.

Errors reach the parent over Beam's channel, and it shows them once; what a worker would print besides is noise.
"""

import logging
import os
import signal
import sys
import threading
import time

# Before Beam is imported: its first log line would else set up one that prints everything.
logging.getLogger().addHandler(logging.NullHandler())

from apache_beam.runners.worker import sdk_worker_main  # noqa: E402


def _leave_with(parent: int) -> None:
    """A parent that was killed can't tell its workers to stop."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent answers it
    threading.Thread(target=_leave_with, args=(os.getppid(),), daemon=True).start()
    sdk_worker_main.main(sys.argv)
