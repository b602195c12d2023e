"""What a process holds while it works, noted every few seconds."""

import csv
import threading
import time

import numpy as np
import psutil
from scipy.stats import theilslopes

from benchmarks.results import read_rows


class ProcessSamples:
    """Notes memory, open files and threads, in a thread of its own.

    A context: it notes from its beginning to its end, row by row into a file.

    Args:
        path: Path of the CSV file.
        interval: Seconds between two rows.
        counts: Function that gives a dict of further numbers.
    """

    def __init__(self, path, interval, counts):
        self.path, self.interval, self.counts = path, interval, counts
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.write)

    def __enter__(self):
        self.thread.start()

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()

    def write(self):
        """Writes until the context ends."""
        process, start = psutil.Process(), time.monotonic()
        writer = None
        with open(self.path, "w", newline="") as file:
            while not self.ended.wait(self.interval):
                row = {
                    "seconds": round(time.monotonic() - start, 1),
                    "megabytes": round(process.memory_info().rss / 2**20, 1),
                    "files": process.num_fds(),
                    "threads": process.num_threads(),
                    **self.counts(),
                }
                if writer is None:
                    writer = csv.DictWriter(file, row)
                    writer.writeheader()
                writer.writerow(row)
                file.flush()


def read_samples(path):
    """Reads what was noted: an array for each column."""
    rows = read_rows(path)
    return {
        name: np.array([float(row[name]) for row in rows]) for name in rows[0]
    }


def settled(rows):
    """Gives the rows after the first tenth, when everything was done once."""
    late = rows["seconds"] > 0.1 * rows["seconds"][-1]
    return {name: values[late] for name, values in rows.items()}


def print_memory(rows):
    """Prints memory and its slope of Theil and Sen, with a 95 % interval."""
    memory = rows["megabytes"]
    slope, _, low, high = theilslopes(memory, rows["seconds"] / 3600)
    print(
        f"memory: {memory[0]:.0f} MB after a tenth of the time, "
        f"{memory[-1]:.0f} at the end, {memory.max():.0f} at most; "
        f"{slope:+.1f} MB an hour (95 %: {low:+.1f} to {high:+.1f})"
    )
