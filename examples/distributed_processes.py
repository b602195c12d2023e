"""Worker processes on this machine, which end together."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time


def free_addresses(number):
    """So many addresses of this machine that nobody listens at."""
    with contextlib.ExitStack() as stack:
        # All at once, so that no port is found twice.
        sockets = [stack.enter_context(socket.socket()) for _ in range(number)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [f"127.0.0.1:{each.getsockname()[1]}" for each in sockets]


def run_workers(command, environments, folder):
    """Runs one process for each environment, until all have finished.

    The first one's output goes where this process's goes, the others' to
    `worker_N.log`. If one fails, the others would wait for it without end, so
    they are ended, too; and so are all when this process is.

    Args:
        command: List of strings.
        environments: List of dicts, what is added to this process's own.
        folder: Path, for the logs.

    Raises:
        SystemExit: If a worker fails.
    """
    workers = []
    with contextlib.ExitStack() as stack:
        before = signal.signal(
            signal.SIGTERM, lambda *_: sys.exit("Ended from outside.")
        )
        stack.callback(signal.signal, signal.SIGTERM, before)
        stack.callback(_end, workers)
        for index, environment in enumerate(environments):
            log = None
            if index > 0:
                log = stack.enter_context(open(_log(folder, index), "w"))
            workers.append(
                subprocess.Popen(
                    command,
                    env={**os.environ, **environment},
                    stdout=log,
                    stderr=log and subprocess.STDOUT,
                )
            )
        codes = [None]
        while None in codes and not any(codes):
            time.sleep(0.2)
            codes = [worker.poll() for worker in workers]
        failed = [index for index, code in enumerate(codes) if code]
        if failed:
            raise SystemExit(_report(folder, failed[0], codes[failed[0]]))


def _end(workers):
    for worker in workers:
        if worker.poll() is None:
            worker.terminate()
    for worker in workers:
        try:
            worker.wait(timeout=5)
        except subprocess.TimeoutExpired:
            worker.kill()
            worker.wait()


def _log(folder, index):
    return folder / f"worker_{index}.log"


def _report(folder, index, code):
    text = f"Worker {index} failed with exit code {code}"
    if index == 0:
        return f"{text}; see above."
    lines = _log(folder, index).read_text().splitlines()
    return "\n".join(
        [f"{text}. The end of {_log(folder, index)}:", *lines[-20:]]
    )
