"""SFTPStore beside the two programs that people use: rclone and OpenSSH's sftp, all against one sshd on loopback."""

import collections
import getpass
import os
import pathlib
import shutil
import socket
import statistics
import subprocess
import threading
import time

from client import Body, Failed, Multipart
from servers import FPHost, free_port
from settings import GIB, MIB, QUICK, ROOT, scaled

ROUND_TRIP = 0.020
RUNS = 3


class SSHServer:
    def __init__(self, directory):
        self.directory = directory
        directory.mkdir(parents=True)
        self.port = free_port()
        for key in ("host", "user"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", directory / key], check=True)
        (directory / "config").write_text(
            f"Port {self.port}\nListenAddress 127.0.0.1\nHostKey {directory}/host\nPidFile none\n"
            f"AuthorizedKeysFile {directory}/user.pub\nStrictModes no\nUsePAM no\nPermitRootLogin yes\n"
            "Subsystem sftp internal-sftp\nLogLevel ERROR\nMaxStartups 100\n"
        )
        if os.geteuid() == 0:
            pathlib.Path("/run/sshd").mkdir(exist_ok=True)
        program = shutil.which("sshd", path=os.environ["PATH"] + ":/usr/sbin")
        if program is None:
            raise Failed("OpenSSH's server is not installed; run `make bench`, which installs it")
        with (directory / "log").open("wb") as log:
            self._process = subprocess.Popen([program, "-D", "-e", "-f", directory / "config"], stderr=log)
        deadline = time.monotonic() + 30
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 5).close()
                return
            except OSError:
                if time.monotonic() > deadline:
                    raise Failed("sshd does not answer:\n" + (directory / "log").read_text())
                time.sleep(0.05)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.terminate()
        self._process.wait(60)

    def known_hosts(self, port):
        path = self.directory / f"known_hosts-{port}"
        kind, key = (self.directory / "host.pub").read_text().split()[:2]
        path.write_text(f"[127.0.0.1]:{port} {kind} {key}\n")
        return path

    def options(self, port, root, **more):
        return {
            "host": "127.0.0.1", "port": port, "username": getpass.getuser(), "key_file": str(self.directory / "user"),
            "known_host_file": str(self.known_hosts(port)), "root_path": str(root), **more,
        }


class Line:
    """A line with a round trip of its own between a port and the server: bytes wait for half of it each way."""

    def __init__(self, target):
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self._listener.close()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._target))
            for end in (client, server):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for source, sink in ((client, server), (server, client)):
                self._carry(source, sink)

    def _carry(self, source, sink):
        waiting, changed = collections.deque(), threading.Semaphore(0)

        def receive():
            while True:
                try:
                    data = source.recv(1 << 18)
                except OSError:
                    data = b""
                waiting.append((time.monotonic() + ROUND_TRIP / 2, data))
                changed.release()
                if not data:
                    return

        def send():
            while True:
                changed.acquire()
                due, data = waiting.popleft()
                if (left := due - time.monotonic()) > 0:
                    time.sleep(left)
                try:
                    if not data:
                        sink.shutdown(socket.SHUT_WR)
                        return
                    sink.sendall(data)
                except OSError:
                    return

        for work in (receive, send):
            threading.Thread(target=work, daemon=True).start()


def timed(command, **more):
    start = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, **more)
    if done.returncode != 0:
        raise Failed(f"{command[0]}: {done.stderr[-500:]}")
    return time.perf_counter() - start


class Programs:
    """rclone and sftp, as their users call them."""

    def __init__(self, server, port):
        self._server, self._port = server, port
        self._rclone = ROOT / ".venv/bin/rclone"

    def rclone(self, source, target):
        environment = {
            **os.environ, "RCLONE_SFTP_HOST": "127.0.0.1", "RCLONE_SFTP_PORT": str(self._port),
            "RCLONE_SFTP_USER": getpass.getuser(), "RCLONE_SFTP_KEY_FILE": str(self._server.directory / "user"),
        }
        # Without the checksum, for which it would run a program on the server and read the file again.
        return timed(
            [self._rclone, "--config", "/dev/null", "--ignore-checksum", "--sftp-disable-hashcheck", "copyto", source,
             target], env=environment)

    def sftp(self, command):
        known = self._server.known_hosts(self._port)
        return timed(
            ["sftp", "-q", "-b", "-", "-P", str(self._port), "-i", self._server.directory / "user",
             "-o", f"UserKnownHostsFile={known}", "-o", "IdentitiesOnly=yes", f"{getpass.getuser()}@127.0.0.1"],
            input=command + "\n")


def transfers(host, body):
    """Seconds that the host takes for an upload to the server, and for loading it back."""
    connection = host.connect()
    start = time.perf_counter()
    id = Multipart(body).post(connection)
    up = time.perf_counter() - start
    start = time.perf_counter()
    if connection.request("GET", f"/fp/restore/?id={id}", keep=False) != body.size:
        raise Failed("what came back has another size")
    down = time.perf_counter() - start
    connection.request("DELETE", "/fp/revert/", id.encode(), ["Content-Type: text/plain"])
    connection.close()
    return up, down


def measure_sftp(table, program, directory, block):
    with SSHServer(directory / "ssh") as server:
        line = Line(server.port)
        try:
            beside(table, program, directory / "near", block, server, server.port, scaled(GIB))
            if not QUICK:
                beside(table, program, directory / "far", block, server, line.port, scaled(256 * MIB), True)
                crowd(table, program, directory / "crowd", block, server, min(10 * MIB, scaled(100 * MIB)))
        finally:
            line.close()


def beside(table, program, directory, block, server, port, size, is_far=False):
    directory.mkdir(parents=True)
    body, programs = Body(block, size), Programs(server, port)
    source, back, there = directory / "source", directory / "back", directory / "there"
    with source.open("wb") as file:
        for start in range(0, size, len(block)):
            file.write(block[: min(len(block), size - start)])
    times = collections.defaultdict(list)
    stores = {"staging": {"plugin": "SFTPStore", "options": server.options(port, directory / "store")}}
    with FPHost(program, directory / "host", stores) as host:
        # Connections are made with the first upload.
        transfers(host, Body(block, MIB))
        for _ in range(RUNS):
            up, down = transfers(host, body)
            times["up"].append(up)
            times["down"].append(down)
            times["rclone up"].append(programs.rclone(source, f":sftp:{there}"))
            times["rclone down"].append(programs.rclone(f":sftp:{there}", back))
            times["sftp up"].append(programs.sftp(f"put {source} {there}"))
            times["sftp down"].append(programs.sftp(f"get {there} {back}"))
        peak = host.peak_memory()
    median = {name: statistics.median(values) for name, values in times.items()}
    mib = size / MIB
    for way in ("up", "down"):
        own, rclone, sftp = (median[name] for name in (way, f"rclone {way}", f"sftp {way}"))
        remark = f"{mib / own:.0f} MiB/s, rclone {mib / rclone:.0f}, sftp {mib / sftp:.0f}; medians of {RUNS}"
        name = f"SFTP {way}, {mib:.0f} MiB" + (", 20 ms round trip" if is_far else "")
        if is_far:
            table.row(name, ">= 0.8 x rclone", f"{rclone / own:.2f} x", rclone >= 0.8 * own, remark)
            single = size / (32 * 1024) * ROUND_TRIP
            table.row(f"{name}, beside single packets", ">= 10 x", f"{single / own:.0f} x", single >= 10 * own)
        elif way == "up":
            best = min(rclone, sftp)
            table.row(f"{name}, beside the faster of two", ">= 1 x", f"{best / own:.2f} x", best >= own, remark)
        else:
            table.row(f"{name}, beside sftp", ">= 0.9 x", f"{sftp / own:.2f} x", sftp >= 0.9 * own, remark)
    if not is_far:
        table.row("peak memory: SFTP up and down", "< 64 MiB", f"{peak / MIB:.1f} MiB", peak < 64 * MIB)


def crowd(table, program, directory, block, server, size, count=32):
    """Many uploads at once over 8 connections, beside one upload of as many bytes, in turns."""
    directory.mkdir(parents=True)
    options = server.options(server.port, directory / "store", max_connections=8)
    with FPHost(program, directory / "host", {"staging": {"plugin": "SFTPStore", "options": options}}) as host:
        ids, failures = [], []

        def upload(size):
            try:
                connection = host.connect()
                ids.append(Multipart(Body(block, size)).post(connection))
                connection.close()
            except Exception as error:
                failures.append(error)

        def seconds(count, size):
            threads = [threading.Thread(target=upload, args=[size]) for _ in range(count)]
            start = time.perf_counter()
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            end = time.perf_counter()
            # What one run leaves for the disk to write would slow the next.
            connection = host.connect()
            while ids:
                connection.request("DELETE", "/fp/revert/", ids.pop().encode(), ["Content-Type: text/plain"])
            connection.close()
            return end - start

        # The connections are made by the first.
        seconds(count, MIB // 4)
        pairs = [(seconds(1, size * count), seconds(count, size)) for _ in range(RUNS)]
    one, many = (statistics.median(times) for times in zip(*pairs))
    total = count * size / MIB
    remark = f"{total / many:.0f} MiB/s, one {total / one:.0f}; medians of {RUNS}; {len(failures)} failed"
    name = f"{count} SFTP uploads of {size // MIB} MiB at once"
    table.row(name, ">= 1 x one's rate", f"{one / many:.2f} x", one >= many and not failures, remark)
