"""A worker process of the local runner: Beam's own, quiet, and gone when its parent is. The argument is the parent's process id.

Errors reach the parent over Beam's channel, and it shows them once; what a worker would print besides is noise.
"""

import logging
import os
import signal
import sys
import threading
import time


def _leave_with(parent: int) -> None:
    """A parent that was killed can't tell its workers to stop."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


if __name__ == "__main__":
    # All of this before Beam is imported, which takes seconds; and its first log line would set up a logger that prints everything.
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent answers it
    threading.Thread(target=_leave_with, args=(int(sys.argv[1]),), daemon=True).start()
    logging.getLogger().addHandler(logging.NullHandler())
    from apache_beam.runners.worker import sdk_worker_main

    sdk_worker_main.main(sys.argv)
