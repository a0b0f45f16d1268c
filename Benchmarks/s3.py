"""S3Store against SeaweedFS, beside rclone and boto3.

All of it happens on one machine, so that the server's own work is a part of every figure.
"""

import concurrent.futures
import os
import pathlib
import shutil
import socket
import statistics
import subprocess
import sys
import threading
import time

import boto3
from botocore.config import Config

from client import Body, Failed, Multipart
from servers import FPHost
from settings import GIB, MIB, QUICK, ROOT, rate, scaled, shown

PROGRAMS = pathlib.Path(sys.executable).parent
KEYS = ("testkey", "testsecret123")
BUCKET = "bench"
LARGE = scaled(GIB)
SMALL = scaled(20 * MIB)
CROWD = 64


class SeaweedFS:
    def __enter__(self):
        self._process = subprocess.Popen(
            [sys.executable, ROOT / "scripts/s3-server", "seaweedfs"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True)
        word, _, self.url = self._process.stdout.readline().strip().partition(" ")
        if word != "ready":
            raise Failed("SeaweedFS does not start")
        self.client(self.url).create_bucket(Bucket=BUCKET)
        return self

    def __exit__(self, *_):
        self._process.stdin.close()
        self._process.wait(60)

    @staticmethod
    def client(url):
        return boto3.client(
            "s3", endpoint_url=url, aws_access_key_id=KEYS[0], aws_secret_access_key=KEYS[1], region_name="us-east-1",
            config=Config(s3={"addressing_style": "path"}, max_pool_connections=128))


class S3Host(FPHost):
    """fphost with everything in the bucket, below `prefix`: no two hosts may have one staging store."""

    def __init__(self, program, directory, url, prefix=""):
        options = {
            "bucket_name": BUCKET, "endpoint_url": url, "access_key": KEYS[0], "secret_key": KEYS[1],
            "region_name": "us-east-1",
        }
        super().__init__(
            program, directory,
            {name: {"plugin": "S3Store", "options": options | {"location": prefix + name}} for name in ("staging", "media")})


class Delay:
    """A proxy that holds back the end of each request's head for a while, as a distant service would."""

    def __init__(self, url, milliseconds):
        host, port = url.removeprefix("http://").split(":")
        self._peer = (host, int(port))
        self._seconds = milliseconds / 1000
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            client, _ = self._listener.accept()
            server = socket.create_connection(self._peer)
            for each in (client, server):
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._up, args=(client, server), daemon=True).start()
            threading.Thread(target=self._down, args=(server, client), daemon=True).start()

    def _up(self, source, target):
        buffer = bytearray(1 << 20)
        try:
            while count := source.recv_into(buffer):
                target.sendall(memoryview(buffer)[:count])
        except OSError:
            pass
        finally:
            self._end(source, target)

    def _down(self, source, target):
        buffer = bytearray(1 << 20)
        try:
            while count := source.recv_into(buffer):
                if buffer.startswith(b"HTTP/1.1 "):
                    time.sleep(self._seconds)
                target.sendall(memoryview(buffer)[:count])
        except OSError:
            pass
        finally:
            self._end(source, target)

    @staticmethod
    def _end(*sockets):
        for each in sockets:
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def timed(body, *arguments):
    start = time.perf_counter()
    body(*arguments)
    return time.perf_counter() - start


def post(host, body):
    connection = host.connect()
    Multipart(body).post(connection)
    connection.close()


def rclone(url, *arguments):
    environment = os.environ | {
        "RCLONE_CONFIG": "/dev/null", "RCLONE_CONFIG_B_TYPE": "s3", "RCLONE_CONFIG_B_PROVIDER": "SeaweedFS",
        "RCLONE_CONFIG_B_ENDPOINT": url, "RCLONE_CONFIG_B_ACCESS_KEY_ID": KEYS[0],
        "RCLONE_CONFIG_B_SECRET_ACCESS_KEY": KEYS[1], "RCLONE_CONFIG_B_REGION": "us-east-1",
    }
    command = [PROGRAMS / "rclone", *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, timeout=3600)
    if done.returncode != 0:
        raise Failed(f"rclone: {done.stderr.decode()[-500:]}")


def measure_upload(table, program, directory, server, block, runs=3):
    """One large upload beside rclone's and boto3's, each the first, the second and the last in turn."""
    file = directory / "large"
    with file.open("wb") as output:
        for _ in range(LARGE // len(block)):
            output.write(block)
        output.write(block[: LARGE % len(block)])
    client = server.client(server.url)

    def boto3(number):
        with file.open("rb") as data:
            client.upload_fileobj(data, BUCKET, f"boto3-{number}")

    with S3Host(program, directory / "host", server.url) as host:
        ways = {
            "fphost": lambda _: post(host, Body(block, LARGE)),
            "rclone": lambda number: rclone(server.url, "copyto", str(file), f"b:{BUCKET}/rclone-{number}"),
            "boto3": boto3,
        }
        seconds = {name: [] for name in ways}
        for number in range(runs):
            names = list(ways)
            for name in names[number % 3 :] + names[: number % 3]:
                seconds[name].append(timed(ways[name], number))
        peak = host.peak_memory()
    median = {name: statistics.median(times) for name, times in seconds.items()}
    fphost, best = median["fphost"], min(median["rclone"], median["boto3"])
    table.row(
        f"S3 up, {shown(LARGE)}, beside the faster of two", ">= 1 x", f"{best / fphost:.2f} x", fphost <= best,
        f"{rate(LARGE, fphost)}, rclone {rate(LARGE, median['rclone'])}, boto3 {rate(LARGE, median['boto3'])}; medians "
        f"of {runs}")
    limit = 64 + 5 * 8
    table.row(
        "peak memory: that upload, its parts included", f"< {limit} MiB", f"{peak / MIB:.1f} MiB", peak < limit * MIB,
        "64 MiB, 4 parts on their way and one that fills")


def measure_crowd(table, program, directory, server, block):
    """Many uploads at once, beside rclone with as many transfers."""
    files = directory / "many"
    files.mkdir()
    for number in range(CROWD):
        (files / str(number)).write_bytes((block * (SMALL // len(block) + 1))[:SMALL])
    theirs = timed(
        rclone, server.url, "copy", str(files), f"b:{BUCKET}/many", "--transfers", str(CROWD), "--checkers", "1")
    with S3Host(program, directory / "host", server.url) as host:
        with concurrent.futures.ThreadPoolExecutor(CROWD) as pool:
            own = timed(lambda: list(pool.map(lambda _: post(host, Body(block, SMALL)), range(CROWD))))
    table.row(
        f"{CROWD} uploads of {shown(SMALL)} at once beside rclone", "<= 1 x", f"{own / theirs:.2f} x", own <= theirs,
        f"{own:.2f} s, rclone {theirs:.2f} s, {rate(CROWD * SMALL, own)}")


def measure_stalled(table, program, directory, server, block, count=10):
    """Clients that stop in the middle of a part, and what another one feels of them."""
    with S3Host(program, directory / "host", server.url) as host:
        body = Body(block, SMALL)
        post(host, body)
        idle = statistics.median(timed(post, host, body) for _ in range(3))
        stalled = []
        for _ in range(count):
            connection = host.connect()
            Multipart(body).begin(connection)
            connection.send(memoryview(block)[: min(6 * MIB, SMALL // 2)])
            stalled.append(connection)
        beside = statistics.median(timed(post, host, body) for _ in range(3))
        for connection in stalled:
            connection.close()
    table.row(
        f"an upload beside {count} that stand still", "<= 2 x", f"{beside / idle:.2f} x", beside <= 2 * idle,
        f"{beside:.3f} s, alone {idle:.3f} s; medians of 3")


def measure_reads(table, program, directory, server, block, runs=9):
    """A load through the host beside curl's, from the server itself."""
    with S3Host(program, directory / "host", server.url) as host:
        connection = host.connect()
        id = Multipart(Body(block, LARGE)).post(connection)
        host.store(id, "read.bin")
        url = server.client(server.url).generate_presigned_url(
            "get_object", Params={"Bucket": BUCKET, "Key": "media/read.bin"})
        own_url = f"http://127.0.0.1:{host.port}/fp/load/?id={id}"

        def medians(what, runs, *options):
            seconds = {url: [], own_url: []}
            for _ in range(runs):
                for address, times in seconds.items():
                    said = subprocess.run(
                        ["curl", "-sf", "-o", "/dev/null", *options, "-w", f"%{{{what}}}", address],
                        check=True, capture_output=True, text=True, timeout=3600).stdout
                    times.append(float(said))
            return statistics.median(seconds[own_url]), statistics.median(seconds[url])

        # Of a part: while a whole file streams, server, host and client fight for the cores of one machine.
        first, curl_first = medians("time_starttransfer", 5 * runs, "-r", f"0-{min(LARGE, MIB) - 1}")
        whole_first, curl_whole_first = medians("time_starttransfer", runs)
        total, curl_total = medians("time_total", runs)
    table.row(
        "S3 down: first byte of 1 MiB beside curl", "<= 1.5 x", f"{first / curl_first:.2f} x",
        first <= 1.5 * curl_first,
        f"{first * 1000:.1f} ms, curl {curl_first * 1000:.1f} ms; medians of {5 * runs}; "
        f"of the whole {whole_first * 1000:.1f} ms, curl {curl_whole_first * 1000:.1f} ms")
    table.row(
        f"S3 down, {shown(LARGE)}, beside curl", ">= 0.9 x", f"{curl_total / total:.2f} x",
        curl_total >= 0.9 * total, f"{rate(LARGE, total)}, curl {rate(LARGE, curl_total)}; medians of {runs}")


def measure_distance(table, program, directory, server, block):
    """The same upload with 20 ms more for each request."""
    seconds = {}
    for milliseconds in (0, 20):
        proxy = Delay(server.url, milliseconds)
        with S3Host(program, directory / f"host-{milliseconds}", proxy.url, f"{milliseconds}/") as host:
            post(host, Body(block, SMALL))
            seconds[milliseconds] = timed(post, host, Body(block, LARGE))
    table.row(
        "rate with 20 ms more for each request", ">= 0.8 x", f"{seconds[0] / seconds[20]:.2f} x",
        seconds[0] >= 0.8 * seconds[20], f"{rate(LARGE, seconds[20])}, without {rate(LARGE, seconds[0])}")


def measure_s3(table, program, directory, block):
    measures = [measure_upload, measure_reads]
    if not QUICK:
        measures += [measure_crowd, measure_stalled, measure_distance]
    for measure in measures:
        # A server of its own for each: SeaweedFS slows down as it fills.
        place = directory / measure.__name__
        place.mkdir()
        with SeaweedFS() as server:
            measure(table, program, place, server, block)
        shutil.rmtree(place)
