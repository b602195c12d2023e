"""What a process holds while it works, noted every few seconds."""

import contextlib
import csv
import threading
import time

import numpy as np
import psutil
from scipy.stats import theilslopes


@contextlib.contextmanager
def noting(path, interval, counts):
    """Notes memory, open files and threads, in a thread of its own.

    A row to each interval, in seconds; `counts` gives a dict of more numbers.
    """
    ended = threading.Event()
    process, start = psutil.Process(), time.monotonic()

    def write_samples():
        with open(path, "w", newline="") as file:
            names = ["seconds", "megabytes", "files", "threads", *counts()]
            writer = csv.writer(file)
            writer.writerow(names)
            while not ended.wait(interval):
                seconds = round(time.monotonic() - start, 1)
                megabytes = round(process.memory_info().rss / 2**20, 1)
                held = process.num_fds(), process.num_threads()
                writer.writerow([seconds, megabytes, *held, *counts().values()])
                file.flush()

    thread = threading.Thread(target=write_samples)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def read_samples(path):
    """Reads what was noted: an array with a name for each column."""
    return np.genfromtxt(path, delimiter=",", names=True)


def settled(rows):
    """Gives the rows after the first tenth, when everything was done once."""
    return rows[rows["seconds"] > 0.1 * rows["seconds"][-1]]


def print_memory(rows):
    """Prints memory and its slope of Theil and Sen, with a 95 % interval."""
    memory = rows["megabytes"]
    slope, _, low, high = theilslopes(memory, rows["seconds"] / 3600)
    print(
        f"memory: {memory[0]:.0f} MB after a tenth of the time, "
        f"{memory[-1]:.0f} at the end, {memory.max():.0f} at most; "
        f"{slope:+.1f} MB an hour (95 %: {low:+.1f} to {high:+.1f})"
    )
