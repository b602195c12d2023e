"""Timing things side by side: alternating, warmed up, medians and a ratio."""

import statistics
import time


def measure(functions, rounds, calls=1):
    """Gives seconds per call of each function; they alternate.

    Args:
        functions: Dict of functions without arguments.
        rounds: Integer, how often each gets its turn, after one to warm up.
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


def compare(what, functions, baseline, rounds, calls=1):
    """Prints medians, quartiles and how often each fits into the baseline.

    Returns:
        Dict of dicts of the same numbers, for a file.
    """
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
