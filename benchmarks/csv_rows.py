"""CSV files of rows that are dicts."""

import csv


def write_rows(path, rows):
    """One line per row, under the names that the first one has."""
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def read_rows(path):
    """The rows, every value as text."""
    with open(path, newline="") as file:
        return list(csv.DictReader(file))
