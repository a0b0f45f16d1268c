"""2,000 connections at once, half of them dripping; `make soak` runs it after the mixed load.

Half of the connections send an upload one byte a second, and begin again when the host has had enough of it; the others
upload small files now and then. First the good ones are alone, then both run for DRIP_SECONDS (120). Every good upload must
succeed, its 99th percentile must stay under twice what it was alone, the host's memory under 256 MiB, and memory and
descriptors must not grow from minute to minute.
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import pathlib
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import time

SECONDS = float(os.environ.get("DRIP_SECONDS", "120"))
CONNECTIONS = int(os.environ.get("DRIP_CONNECTIONS", "2000"))
ALONE_SECONDS = min(30.0, SECONDS)
# Between two uploads of one good connection.
PAUSE = 5.0
MEMORY = 256 << 20
BOUNDARY = "drip-boundary"
BODY = (
    f"--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"filepond\"; filename=\"small.bin\"\r\n\r\n".encode()
    + b"x" * 10_240 + f"\r\n--{BOUNDARY}--\r\n".encode())
HEAD = (
    "POST /fp HTTP/1.1\r\nHost: drip\r\n"
    f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\nContent-Length: %d\r\n\r\n")


class Wrong(Exception):
    """The host broke a promise."""


class Host:
    """A host on a free port, with a directory of its own and what settings it is given beside the plain ones."""

    def __init__(self, program, directory, **settings):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.port = listener.getsockname()[1]
        stores = {name: {"plugin": "LocalStore", "options": {"location": f"./data/{name}"}} for name in ("staging", "media")}
        (directory / "fphost.yaml").write_text(json.dumps({
            "server": {"listen": f"127.0.0.1:{self.port}"}, "storages_backend": "media", "stores": stores,
            "uploads": {"staging": "staging"}, "catalog": "sqlite:./data/fphost.db", "log": {"level": "error"}, **settings}))
        self._log = (directory / "log").open("wb")
        self._process = subprocess.Popen(
            [program, "serve", "--config", "fphost.yaml"], cwd=directory, stdin=subprocess.DEVNULL, stdout=self._log,
            stderr=self._log)
        deadline = time.monotonic() + 30
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise Wrong("the host did not start:\n" + (directory / "log").read_text()[-2000:]) from None
                time.sleep(0.05)

    def processor_time(self):
        """Seconds of all its threads: the process's own clock (clock_getcpuclockid)."""
        return time.clock_gettime(~self._process.pid << 3 | 2)

    def memory(self):
        status = pathlib.Path(f"/proc/{self._process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) << 10

    def descriptors(self):
        return len(os.listdir(f"/proc/{self._process.pid}/fd"))

    def stop(self):
        if self._process.poll() is None:
            self._process.terminate()
            self._process.wait(60)


async def drip(port, until):
    """An upload at one byte a second, again and again. Whatever the host does to it is right, but for a success."""
    while time.monotonic() < until:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(1)
            continue
        try:
            writer.write((HEAD % (len(BODY))).encode())
            for byte in BODY:
                if time.monotonic() >= until or reader.at_eof():
                    break
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(1)
        except OSError:
            pass
        finally:
            writer.close()


async def upload(port, number, count, until, times):
    """A small upload every few seconds, over one connection, spread evenly over all of them."""
    await asyncio.sleep(PAUSE * number / count)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        while time.monotonic() < until:
            began = time.monotonic()
            writer.write((HEAD % len(BODY)).encode() + BODY)
            head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 60)).decode()
            length = int(next(line for line in head.lower().split("\r\n") if line.startswith("content-length:"))[15:])
            text = await reader.readexactly(length)
            if " 200 " not in head.split("\r\n")[0] or len(text) != 22:
                raise Wrong(f"a good upload was answered: {head.splitlines()[0]} {text[:200]}")
            times.append(time.monotonic() - began)
            await asyncio.sleep(max(0.0, PAUSE - (time.monotonic() - began)))
    finally:
        writer.close()


async def watch(host, until, seen):
    while time.monotonic() < until:
        await asyncio.sleep(min(10.0, max(0.1, until - time.monotonic())))
        seen.append((host.memory(), host.descriptors()))


async def good_clients(host, until, count):
    times, seen = [], []
    uploads = [upload(host.port, number, count, until, times) for number in range(count)]
    await asyncio.gather(*uploads, watch(host, until, seen))
    return times, seen


async def bad_clients(port, until, count):
    await asyncio.gather(*(drip(port, until) for _ in range(count)))


def phase(host, seconds, good, dripping):
    """In two processes, so that the good clients' times are the host's and not those of the dripping ones."""
    until = time.monotonic() + seconds
    bad = multiprocessing.Process(target=lambda: asyncio.run(bad_clients(host.port, until, dripping)))
    bad.start()
    try:
        return asyncio.run(good_clients(host, until, good))
    finally:
        bad.terminate()
        bad.join()


def percentile(times):
    return statistics.quantiles(times, n=100)[98] * 1000


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", required=True, help="the host's program")
    program = str(pathlib.Path(parser.parse_args().host).resolve())
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    half = CONNECTIONS // 2
    with tempfile.TemporaryDirectory() as directory:
        host = Host(program, pathlib.Path(directory))
        try:
            alone, _ = phase(host, ALONE_SECONDS, half, 0)
            both, seen = phase(host, SECONDS, half, half)
        finally:
            host.stop()
    before, during = percentile(alone), percentile(both)
    memory, descriptors = [one for one, _ in seen], [one for _, one in seen]
    middle = len(seen) // 2
    print(
        f"drip: {half} dripping and {half} uploading connections for {SECONDS:.0f} s: {len(both)} uploads, 99 % within "
        f"{during:.1f} ms ({before:.1f} ms alone), at most {max(memory) >> 20} MiB and {max(descriptors)} descriptors; "
        f"memory {memory[middle] >> 20} -> {memory[-1] >> 20} MiB")
    if during > 2 * before and during > 5:
        raise Wrong("good uploads take more than twice as long beside dripping ones")
    if max(memory) > MEMORY:
        raise Wrong(f"the host has {max(memory) >> 20} MiB")
    if memory[-1] > memory[middle] * 1.1 + (8 << 20):
        raise Wrong("the host's memory grows")
    if descriptors[-1] > descriptors[middle] + 100:
        raise Wrong("the host's descriptors grow")


if __name__ == "__main__":
    try:
        main()
    except Wrong as wrong:
        print(f"drip: {wrong}", file=sys.stderr)
        sys.exit(1)
