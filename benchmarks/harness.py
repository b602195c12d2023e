"""Timing things side by side: alternating, warmed up, medians and a ratio."""

import json
import platform
import statistics
import subprocess
import time


def measure(functions, rounds, calls=1):
    """Seconds per call of each function, alternating; the first warms up.

    Args:
        functions: Dict of functions without arguments.
        rounds: Integer, how often each gets its turn.
        calls: Integer, calls in a row at each turn.

    Returns:
        Dict of lists of seconds, one per round.
    """
    times = {name: [] for name in functions}
    for _ in range(rounds + 1):
        for name, function in functions.items():
            start = time.perf_counter()
            for _ in range(calls):
                function()
            times[name].append((time.perf_counter() - start) / calls)
    return {name: values[1:] for name, values in times.items()}


def report(what, times, baseline):
    """Prints medians, quartiles and how often each fits into the baseline.

    Returns:
        Dict of the same numbers, for `write_json`.
    """
    print(f"\n{what}")
    width = max(map(len, times))
    numbers = {}
    reference = statistics.median(times[baseline])
    for name, values in times.items():
        low, median, high = statistics.quantiles(values, n=4)
        speed = reference / median
        print(
            f"  {name:{width}} {1e3 * median:9.2f} ms"
            f"  (quartiles {1e3 * low:.2f} to {1e3 * high:.2f})"
            f"  {speed:6.2f} times as fast as {baseline}"
        )
        numbers[name] = {"seconds": values, "median": median, "speed": speed}
    return numbers


def write_json(path, results):
    """Everything that was measured, with the machine's class."""
    machine = {
        "processor": platform.machine(),
        "python": platform.python_version(),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        json.dumps({"machine": machine, **results}, indent=1) + "\n"
    )


class Peer:
    """A step of another package, in a process of another environment.

    The script prints a line when it is ready; then, for every line that it
    reads, it takes a step and prints a line.
    """

    def __init__(self, python, script, *arguments):
        self.process = subprocess.Popen(
            [python, "-P", str(script), *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._wait()

    def __call__(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        self._wait()

    def close(self):
        """Ends the process, so that it takes no part in what follows."""
        self.process.stdin.close()
        self.process.wait()

    def _wait(self):
        if not self.process.stdout.readline():
            raise RuntimeError(f"The peer ended: {self.process.args}")
