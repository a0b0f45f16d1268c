"""Measures fphost against its targets and prints a table; `make bench` runs it.

BENCH_SCALE (1) multiplies the sizes: 0.01 is a quick look. BENCH_DIRECTORY (.build/bench) is where the data goes; the
file system there is part of what is measured. The figures of one run can be compared with each other only.
"""

import argparse
import json
import mmap
import os
import pathlib
import platform
import random
import shutil
import statistics
import subprocess
import sys
import threading
import time

from client import Body, Failed, Multipart
from servers import FPHost, Nginx
from sftp import measure_sftp

GIB = 1 << 30
MIB = 1 << 20
CHUNK = 5_000_000
SCALE = float(os.environ.get("BENCH_SCALE", "1"))


def scaled(size):
    return max(MIB, int(size * SCALE))


LARGE = scaled(5 * GIB)
MEDIUM = scaled(GIB)
SMALL = scaled(20 * MIB)


class Table:
    """The targets beside what was measured, each row printed as soon as it is known."""

    columns = "{:<50} {:>16} {:>16}   {}"

    def __init__(self):
        print(self.columns.format("measured", "target", "figure", ""))
        print("-" * 96)

    def row(self, name, target, figure, met, remark=""):
        verdict = "met" if met else "MISSED"
        print(self.columns.format(name, target, figure, f"{verdict}  {remark}".rstrip()), flush=True)


def shown(size):
    for unit, name in ((GIB, "GiB"), (MIB, "MiB")):
        if size >= unit:
            return f"{size / unit:.4g} {name}"
    return f"{size} bytes"


def touch_memory(size):
    """Makes the machine have this much memory: a virtual machine may have given free memory back to its host, and
    getting it again is slower than any disk."""
    with mmap.mmap(-1, size) as memory:
        for start in range(0, size, mmap.PAGESIZE):
            memory[start] = 1


def rate(size, seconds):
    return f"{size / seconds / 1e6:.0f} MB/s"


def measure_start(table, program, directory):
    times = []
    for _ in range(10):
        with FPHost(program, directory) as host:
            times.append(host.seconds_to_answer * 1000)
    median = statistics.median(times)
    remark = f"median of 10, {min(times):.0f} to {max(times):.0f}"
    table.row("start to first answered request", "< 200 ms", f"{median:.0f} ms", median < 200, remark)


def measure_boundary(table, program, directory):
    """The contract's own cost: a plugin that discards, through the host's pool."""
    root = pathlib.Path(__file__).resolve().parent
    library = directory / "libDiscard.so"
    header = root.parent / "Sources/FPPluginAPI/include"
    subprocess.run(
        ["cc", "-std=gnu11", "-O2", "-fPIC", "-shared", "-fvisibility=hidden", "-I", header, "-o", library,
         root / "discard.c"], check=True)
    library.chmod(0o755)
    output = subprocess.run(
        [program, "plugin", "bench", library, "--json", "--size", str(scaled(8 * GIB) // MIB)], check=True,
        capture_output=True, text=True).stdout
    figures = json.loads(output)
    load, call = figures["load_milliseconds"], figures["microseconds_per_call"]
    table.row("loading and checking a plugin", "< 20 ms", f"{load:.1f} ms", load < 20)
    for name in ("write", "read"):
        rate = figures[f"{name}_gibibytes_per_second"]
        remark = f"256 KiB a call; a call that does nothing: {call:.1f} us"
        table.row(f"plugin that discards: {name}", ">= 4 GiB/s", f"{rate:.1f} GiB/s", rate >= 4, remark)


def memory_row(table, name, host, limit, remark):
    peak = host.peak_memory()
    table.row(f"peak memory: {name}", f"< {limit} MiB", f"{peak / MIB:.1f} MiB", peak < limit * MIB, remark)


def measure_post(table, program, directory, block):
    with FPHost(program, directory) as host:
        connection = host.connect()
        start = time.perf_counter()
        Multipart(Body(block, LARGE)).post(connection)
        seconds = time.perf_counter() - start
        memory_row(table, f"one {shown(LARGE)} POST", host, 64, rate(LARGE, seconds))


def measure_chunks(table, program, directory, block):
    """A chunked upload, then its load after the application stored it, in one host each."""
    body = Body(block, LARGE)
    with FPHost(program, directory) as host:
        connection = host.connect()
        form = b'--b\r\nContent-Disposition: form-data; name="filepond"\r\n\r\n{}\r\n--b--\r\n'
        kind = "Content-Type: multipart/form-data; boundary=b"
        id = connection.request("POST", "/fp/process/", form, [kind, f"Upload-Length: {LARGE}"]).decode()
        times = []
        begin = time.perf_counter()
        for offset in range(0, LARGE, CHUNK):
            end = min(offset + CHUNK, LARGE)
            start = time.perf_counter()
            connection.begin(
                "PATCH",
                f"/fp/patch/{id}",
                end - offset,
                [
                    "Content-Type: application/offset+octet-stream",
                    f"Upload-Offset: {offset}",
                    f"Upload-Length: {LARGE}",
                    "Upload-Name: benchmark.bin",
                ],
            )
            body.send(connection, offset, end)
            connection.finish()
            times.append((time.perf_counter() - start) * 1000)
        seconds = time.perf_counter() - begin
        memory_row(table, f"one {shown(LARGE)} upload in chunks", host, 64, rate(LARGE, seconds))
        median, last = statistics.median(times), times[-1]
        table.row(
            "last PATCH", "<= 2 x median", f"{last / median:.2f} x", last <= 2 * median,
            f"{last:.1f} ms, median {median:.1f} ms of {len(times)}",
        )
        host.store(id, "benchmark.bin")
    with FPHost(program, directory) as host:
        start = time.perf_counter()
        length = host.connect().request("GET", f"/fp/load/?id={id}", keep=False)
        seconds = time.perf_counter() - start
        if length != LARGE:
            raise Failed(f"load gave {length} bytes of {LARGE}")
        memory_row(table, f"one {shown(LARGE)} load", host, 64, rate(LARGE, seconds))


def measure_crowd(table, program, directory, block, count=200):
    """All requests are open, with a first piece sent, before any goes on."""
    ahead = 64 * 1024
    everybody = threading.Barrier(count)
    failures = []
    with FPHost(program, directory) as host:

        def upload():
            try:
                connection = host.connect()
                form = Multipart(Body(block, SMALL))
                form.begin(connection)
                connection.send(memoryview(block)[:ahead])
                everybody.wait(120)
                form.finish(connection, sent=ahead)
                connection.close()
            except Exception as error:
                failures.append(error)
                everybody.abort()

        threads = [threading.Thread(target=upload) for _ in range(count)]
        start = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        seconds = time.perf_counter() - start
        if failures:
            raise failures[0]
        name = f"{count} POSTs of {shown(SMALL)} at once"
        memory_row(table, name, host, 256, rate(count * SMALL, seconds))


def measure_beside_nginx(table, program, directory, block, runs=5):
    body = Body(block, MEDIUM)
    own, others = [], []
    with FPHost(program, directory / "fphost") as host, Nginx(directory / "nginx") as nginx:
        for run in range(runs):
            touch_memory(2 * MEDIUM)
            connection = nginx.connect()
            start = time.perf_counter()
            connection.begin("PUT", f"/files/{run}", MEDIUM)
            body.send(connection)
            connection.finish()
            others.append(time.perf_counter() - start)
            connection.close()

            touch_memory(2 * MEDIUM)
            connection = host.connect()
            start = time.perf_counter()
            Multipart(body).post(connection)
            own.append(time.perf_counter() - start)
            connection.close()
    fphost, nginx = statistics.median(own), statistics.median(others)
    table.row(
        f"{shown(MEDIUM)} POST beside nginx's WebDAV PUT", "<= 2 x", f"{fphost / nginx:.2f} x", fphost <= 2 * nginx,
        f"{fphost:.3f} s, nginx {nginx:.3f} s; medians of {runs}, {rate(MEDIUM, fphost)}",
    )


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--host", type=pathlib.Path, required=True, help="the fphost to measure, a release build")
    program = str(arguments.parse_args().host.resolve())
    directory = pathlib.Path(os.environ.get("BENCH_DIRECTORY", ".build/bench")).resolve()
    if directory.exists():
        shutil.rmtree(directory)
    directory.mkdir(parents=True)
    needed = int((2 * LARGE + 200 * SMALL + 11 * MEDIUM) * 1.1)
    if (free := shutil.disk_usage(directory).free) < needed:
        sys.exit(f"bench: {directory} has {shown(free)} free and {shown(needed)} are needed; set BENCH_DIRECTORY or "
                 "BENCH_SCALE")

    block = random.Random(1).randbytes(16 * MIB)
    print(f"{platform.platform()}, {os.cpu_count()} cores, {time.strftime('%Y-%m-%d')}, scale {SCALE:g}\n")
    table = Table()
    try:
        measure_start(table, program, directory / "start")
        (directory / "boundary").mkdir()
        measure_boundary(table, program, directory / "boundary")
        for measure in (measure_post, measure_chunks, measure_crowd, measure_beside_nginx, measure_sftp):
            touch_memory(min(LARGE, 4 * GIB))
            place = directory / measure.__name__
            measure(table, program, place, block)
            shutil.rmtree(place)
    except Failed as failure:
        sys.exit(f"bench: {failure}")
    finally:
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
