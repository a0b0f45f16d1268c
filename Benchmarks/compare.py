"""Compares two builds of fphost on the main lines of the benchmark, in turns; `scripts/bench-compare` runs it."""

import argparse
import pathlib
import shutil
import signal
import statistics
import sys

import loader
from client import Failed
from lines import LINES, medians, turns
from servers import FPHost
from settings import DISK, MEMORY, RUNS

# Small uploads only in memory: on a disk they are unreliable.
MAIN = [
    ("post", "disk"), ("post", "tmpfs"), ("chunks5", "disk"), ("chunks1", "tmpfs"), ("get", "disk"), ("get", "tmpfs"),
    ("first", "tmpfs"), ("small64", "tmpfs"), ("small1", "tmpfs")]
EPILOG = """OLD and NEW are release builds; their plugins must lie beside them. With ":power" behind it, a program runs
with `durability: power`: "fphost fphost:power" shows what a flush costs.

A line is worse if the rate is lower, or the CPU time higher, by more than 10 % in the median of the runs' ratios, and
in all of them but one. One of the two is enough: a wait costs no CPU, and work on a second core no time. The exit
status is 1 if a line is worse, and 2 if one could not be measured. Measure on a machine that does nothing else; QUICK,
BENCH_SCALE, BENCH_DIRECTORY and BENCH_MEMORY mean what they mean to `make bench`."""
COLUMNS = "{:<16} {:>11} {:>11} {:>7} {:>9} {:>9} {:>7} {:>9} {:>9}  {}"


def host(program, directory):
    program, _, durability = program.partition(":")
    return FPHost(str(pathlib.Path(program).resolve()), directory, durability=durability or "process")


def is_worse(old, new, name, more_is_better):
    """By more than a tenth in the median of the runs' ratios, and not by a slip of one or two of them."""
    costs = [a[name] / b[name] if more_is_better else b[name] / a[name] for a, b in zip(old, new)]
    return statistics.median(costs) > 1.1 and sum(cost > 1 for cost in costs) >= len(costs) - 1


def compare(label, line, place, programs, runs):
    """Prints the line's row; returns whether it is worse."""
    servers = []
    try:
        for name, program in zip(("old", "new"), programs):
            servers.append(host(program, place / name))
        figures = turns(servers, LINES[line], runs)
    finally:
        for server in servers:
            server.stop()
        shutil.rmtree(place)
    for each in figures:
        if isinstance(each, Failed):
            raise each
    old, new = map(medians, figures)
    worse = [
        word for word, name, more in (("rate", "rate", True), ("CPU", "cpu", False)) if is_worse(*figures, name, more)]
    print(COLUMNS.format(
        label, f"{old['rate']:.0f}", f"{new['rate']:.0f}", f"{new['rate'] / old['rate']:.2f}", f"{old['cpu']:.3f}",
        f"{new['cpu']:.3f}", f"{new['cpu'] / old['cpu']:.2f}", f"{old['p99']:.2f}", f"{new['p99']:.2f}",
        "worse: " + ", ".join(worse) if worse else "").rstrip(), flush=True)
    return bool(worse)


def main():
    parser = argparse.ArgumentParser(
        prog="bench-compare", description=__doc__.partition(";")[0] + ".", epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old", metavar="OLD")
    parser.add_argument("new", metavar="NEW")
    names = list(dict.fromkeys(line for line, _ in MAIN))
    parser.add_argument(
        "--lines", nargs="+", choices=names, default=names, metavar="LINE", help="only these of " + ", ".join(names))
    parser.add_argument("--runs", type=int, default=RUNS, help=f"of each line on each build ({RUNS})")
    options = parser.parse_args()
    # Ended from outside, it still stops the hosts and removes their data.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    loader.build()
    places = {"disk": DISK, "tmpfs": MEMORY}
    status = 0
    print(COLUMNS.format("line", "old rate", "new rate", "x", "old CPU s", "new CPU s", "x", "old p99", "new p99", ""))
    try:
        for line, where in MAIN:
            if line not in options.lines:
                continue
            try:
                if compare(f"{line}, {where}", line, places[where] / line, (options.old, options.new), options.runs):
                    status = max(status, 1)
            except Failed as failure:
                print(f"{line}: not measured: {failure}")
                status = 2
    finally:
        for place in places.values():
            shutil.rmtree(place, ignore_errors=True)
    sys.exit(status)


if __name__ == "__main__":
    main()
