"""Timing things side by side: alternating, warmed up, medians and a ratio."""

import statistics
import time


def measure(functions, rounds, calls=1):
    """Lists seconds per call of each function, by name; they alternate.

    Each gets so many turns, after one to warm up, of so many calls in a row.
    """
    times = {name: [] for name in functions}
    for _ in range(rounds + 1):
        for name, function in functions.items():
            start = time.perf_counter()
            for _ in range(calls):
                function()
            times[name].append((time.perf_counter() - start) / calls)
    return {name: values[1:] for name, values in times.items()}


def compare(what, functions, baseline, rounds, calls=1):
    """Prints and gives medians, and how often each fits into the baseline."""
    times = measure(functions, rounds, calls)
    reference = statistics.median(times[baseline])
    print(f"\n{what}")
    numbers = {}
    for name, values in times.items():
        low, median, high = statistics.quantiles(values, n=4)
        speed = reference / median
        print(
            f"  {name:{max(map(len, times))}} {1e3 * median:9.2f} ms"
            f"  (quartiles {1e3 * low:.2f} to {1e3 * high:.2f})"
            f"  {speed:6.2f} times as fast as {baseline}"
        )
        numbers[name] = {"seconds": values, "median": median, "speed": speed}
    return numbers
