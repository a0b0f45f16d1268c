"""Measures fphost against its targets, beside other servers, and prints a table; `make bench` runs it.

QUICK=1 is a look in two minutes. BENCH_SCALE (1) multiplies the sizes. BENCH_DIRECTORY (.build/bench) is a directory on
a disk, BENCH_MEMORY (/dev/shm) one in memory; both file systems are part of what is measured. The figures of one run
can be compared with each other only.
"""

import argparse
import dataclasses
import os
import pathlib
import platform
import random
import shutil
import signal
import sys
import time

import loader
from boundary import measure_boundary, measure_start
from client import Failed
from lines import LINES, medians, turns
from peers import Django, Rclone, TusPyServer
from s3 import measure_s3
from servers import FPHost, Nginx
from settings import DISK, GIB, KIB, MEMORY, MIB, QUICK, RUNS, SCALE, scaled, shown
from sftp import measure_sftp
from table import Table, Target, ratio, relative

PEERS = {"tuspyserver": TusPyServer, "rclone": Rclone, "django": Django}


def per_upload(line):
    """The target of 0.16 ms of CPU for each upload."""
    return Target("CPU each", 0.16, lambda own, _: own["cpu"] / LINES[line].count * 1000, unit=" ms")


@dataclasses.dataclass(frozen=True)
class Row:
    """A line of the table as it is measured: on which file systems, beside whom, and with which targets."""

    line: str
    name: str
    targets: tuple = ()
    places: tuple = ("tmpfs", "disk")
    peers: tuple = ()
    beside_nginx: bool = True
    runs: int = RUNS
    unit: str = "MB/s"


POST, CHUNKED, READ = ("tuspyserver", "rclone", "django"), ("tuspyserver", "django"), ("rclone", "django")
LARGE = shown(LINES["post"].size)
ROWS = [
    Row("post", f"{LARGE} POST", (relative("rate", "rate", 0.9, True), relative("CPU", "cpu", 1.3)), peers=POST),
    Row("chunks5", "5 MiB chunks", (relative("rate", "rate", 0.8, True),), peers=CHUNKED),
    Row("chunks1", "1 MiB chunks", (relative("rate", "rate", 0.6, True),), peers=CHUNKED),
    Row("get", f"{LARGE} GET",
        (relative("rate", "rate", 0.95, True), relative("CPU", "cpu", 1.2), relative("first byte", "first", 1.5)),
        peers=READ, runs=RUNS if QUICK else 9),
    Row("first", "64 KiB of it", (relative("first byte", "first", 1.5),), places=("tmpfs",)),
    # File systems on disks take ten times as long for minutes after many files went: in memory only.
    Row("small64", "10 KiB, 64 connections",
        (relative("rate", "rate", 0.5, True), relative("p99", "p99", 2), per_upload("small64")), places=("tmpfs",),
        peers=POST, unit="/s"),
    Row("small8", "10 KiB, 8 connections", places=("tmpfs",), peers=POST, unit="/s"),
    Row("small1", "10 KiB, 1 connection", (relative("rate", "rate", 0.4, True),), places=("tmpfs",), peers=POST,
        unit="/s"),
    Row("store", f"store of {LARGE}", (Target("", 10, lambda own, _: own["p50"], unit=" ms"),), places=("disk",),
        peers=("django",), beside_nginx=False),
    Row("last", f"{shown(LINES['last'].size)} in chunks",
        (Target("last PATCH / median", 1.5, lambda own, _: own["last"] / own["p50"]),), places=("disk",),
        beside_nginx=False, runs=3),
    Row("crowd", f"300 x {shown(LINES['crowd'].size)} at once",
        (Target("peak", 256, lambda own, _: own["peak"] / MIB, unit=" MiB"),), places=("disk",), beside_nginx=False,
        runs=1),
]
ALONE = {"start": measure_start, "boundary": measure_boundary, "s3": measure_s3, "sftp": measure_sftp}


def start(kind, directory):
    """The server, or why there is none."""
    directory.mkdir(parents=True, exist_ok=True)
    try:
        return kind(directory)
    except Failed as failure:
        return failure


def measure(row, place, program, runs):
    """What each server's runs on the row's line gave, or why there are none, by name."""
    names = (["nginx"] if row.beside_nginx else []) + ["fphost"] + ([] if QUICK else list(row.peers))
    kinds = {"nginx": Nginx, "fphost": lambda directory: FPHost(program, directory)} | PEERS
    servers = {name: start(kinds[name], place / row.line / name) for name in names}
    try:
        figures = turns(list(servers.values()), LINES[row.line], runs)
    finally:
        for server in servers.values():
            if not isinstance(server, Failed):
                server.stop()
        shutil.rmtree(place / row.line)
    return dict(zip(names, (each if isinstance(each, Failed) else medians(each) for each in figures)))


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--host", type=pathlib.Path, required=True, help="the fphost to measure, a release build")
    arguments.add_argument("--only", nargs="+", choices=[*(row.line for row in ROWS), *ALONE], help="some lines")
    arguments.add_argument("--runs", type=int, help=f"of each line on each server ({RUNS})")
    options = arguments.parse_args()
    # Ended from outside, it still stops the servers and removes their data.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    program = str(options.host.resolve())
    wanted = options.only or [*(row.line for row in ROWS), *ALONE]
    directories = {"tmpfs": MEMORY, "disk": DISK}
    shutil.rmtree(DISK, ignore_errors=True)
    for directory in directories.values():
        directory.mkdir(parents=True)
    needed = int(40 * GIB * SCALE) + GIB
    if (free := shutil.disk_usage(DISK).free) < needed:
        sys.exit(f"bench: {DISK} has {shown(free)} free and {shown(needed)} are needed; set BENCH_DIRECTORY or "
                 "BENCH_SCALE")
    loader.build()
    print(f"{platform.platform()}, {os.cpu_count()} cores, {time.strftime('%Y-%m-%d')}, scale {SCALE:g}, medians of "
          f"{options.runs or RUNS} runs in turns; rate/x and CPU/x are to nginx, or to the line's first server\n")
    table = Table()
    peaks = []
    try:
        for row in (row for row in ROWS if row.line in wanted):
            for place in row.places:
                figures = measure(row, directories[place], program, options.runs or row.runs)
                table.line(f"{row.name}, {place}" if len(row.places) > 1 else row.name, row.unit, figures, row.targets)
                if row.line != "crowd" and not isinstance(figures["fphost"], Failed):
                    peaks.append((figures["fphost"]["peak"], row.name))
        if peaks:
            peak, name = max(peaks)
            table.row("peak memory of any of these", "<= 64 MiB", f"{peak / MIB:.1f} MiB", peak <= 64 * MIB, name)
        block = random.Random(1).randbytes(16 * MIB)
        for name in (name for name in ALONE if name in wanted):
            place = DISK / name
            place.mkdir()
            try:
                ALONE[name](table, program, place, block)
            except (Failed, OSError) as failure:
                table.absent(name, failure)
            shutil.rmtree(place)
    finally:
        for directory in directories.values():
            shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
