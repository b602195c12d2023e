from tests.properties.cases import DRAWN, LONG, SEED


def pytest_report_header():
    return f"properties: KERAS_SLOTS_SEED={SEED}" if LONG else None


def pytest_terminal_summary(terminalreporter):
    """How many cases were drawn; workers of xdist keep theirs to themselves."""
    if not DRAWN:
        return
    seed = f", KERAS_SLOTS_SEED={SEED}" if LONG else ""
    terminalreporter.section("cases of properties")
    for name, count in sorted(DRAWN.items()):
        terminalreporter.write_line(f"{count:6d}  {name}")
    terminalreporter.write_line(f"{DRAWN.total():6d}  in all{seed}")
