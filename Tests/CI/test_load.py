"""Benchmarks/load.c, the benchmark's client: it compiles, and what it says it sent has arrived."""

import http.server
import json
import pathlib
import re
import subprocess
import threading

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
FILE = bytes(range(256)) * 4096


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, body=b"", status=200, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def take(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.seen.append((self.command, self.path, dict(self.headers), body))

    def do_PUT(self):
        self.take()
        self.answer(status=201)

    def do_PATCH(self):
        self.take()
        self.answer()

    def do_POST(self):
        self.take()
        self.answer(b"an-id", Location="http://127.0.0.1/there")

    def do_GET(self):
        self.answer(FILE)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="session")
def program(tmp_path_factory):
    path = tmp_path_factory.mktemp("load") / "load"
    subprocess.run(["cc", "-O2", "-Wall", "-Wextra", "-Werror", "-o", path, ROOT / "Benchmarks/load.c"], check=True)
    return path


@pytest.fixture
def load(program):
    """Runs it on a server of the test's own; returns what it printed, and the requests that came."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.seen = []
        threading.Thread(target=server.serve_forever, daemon=True).start()

        def run(command, *options):
            done = subprocess.run(
                [program, command, "--port", str(server.server_port), *options], capture_output=True, text=True,
                timeout=60)
            assert done.returncode == 0, done.stderr
            return json.loads(done.stdout), server.seen

        yield run
        server.shutdown()


def test_small_uploads_all_arrive_over_several_connections(load):
    said, seen = load("small", "--put", "/%d", "--count", "20", "--conn", "4", "--size", "10KiB")
    assert said["count"] == 20 and said["p50_ms"] <= said["p99_ms"]
    assert sorted(path for _, path, _, _ in seen) == sorted(f"/{number}" for number in range(20))
    assert {len(body) for *_, body in seen} == {10240}


def test_a_crowd_is_a_form_each(load):
    load("crowd", "--form", "/", "--count", "5", "--size", "200KiB")
    assert len(seen := load("large", "--form", "/", "--size", "1MiB")[1]) == 6
    for _, _, headers, body in seen:
        boundary = re.search("boundary=(.*)", headers["Content-Type"])[1].encode()
        assert body.count(b"--" + boundary) == 3 and body.endswith(b"--" + boundary + b"--\r\n")


@pytest.mark.parametrize("way", [("--form", "/", "--patch", "/patch/%s"), ("--tus", "/")])
def test_chunks_are_the_whole_in_order(load, way):
    said, seen = load("chunks", *way, "--size", "1000000", "--chunk", "300000")
    first, *patches = seen
    assert first[2]["Upload-Length"] == "1000000" and said["count"] == 4
    assert [path for _, path, _, _ in patches] == ["/patch/an-id" if "--form" in way else "/there"] * 4
    assert [int(headers["Upload-Offset"]) for _, _, headers, _ in patches] == [0, 300000, 600000, 900000]
    assert sum(len(body) for *_, body in patches) == 1000000


@pytest.mark.parametrize("way", [(), ("--trunc",)])
def test_a_download_is_read_to_its_end(load, way):
    said, _ = load("get", "--path", "/", "--count", "2", *way)
    assert said["bytes"] == 2 * len(FILE) and 0 < said["first_byte_p50_ms"] <= said["p50_ms"]
