"""The servers that are measured, each as a process with a directory of its own."""

import ctypes
import json
import os
import shutil
import socket
import subprocess
import time

import processes
from client import Connection, Failed
from loader import load

libc = ctypes.CDLL(None, use_errno=True)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


class Server:
    """A server that is started by `command` and answers `GET probe` once it is up."""

    probe = "/"
    # What `load` is told for an upload in one body, and for one in chunks, if the server has those.
    upload = ()
    chunks = ()

    def __init__(self, directory, command, port, environment=None):
        self.directory = directory
        self.port = port
        log = directory / "log"
        started = time.perf_counter()
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                command, cwd=directory, env=environment, stdin=subprocess.DEVNULL, stdout=output,
                stderr=subprocess.STDOUT)
        while not self._answers():
            if self._process.poll() is not None or time.perf_counter() - started > 30:
                self._process.kill()
                raise Failed(f"{command[0]} did not start:\n{log.read_text()[-2000:]}")
            time.sleep(0.001)
        self.seconds_to_answer = time.perf_counter() - started

    def _answers(self):
        try:
            connection = Connection(self.port)
        except ConnectionRefusedError:
            return False
        try:
            connection.request("GET", self.probe)
            return True
        except (Failed, OSError):
            return False
        finally:
            connection.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self._process.terminate()
        self._process.wait(60)

    def file(self, size, number):
        """The path of one of the files of this size to be downloaded, which is made by the first call that names it."""
        raise NotImplementedError

    def remove(self, answer, number):
        """Removes the upload that a line's run `number` made; `answer` is what `load` said of it."""
        raise NotImplementedError

    def settle(self):
        """Lets the disk have what it has not yet, so that one run does not pay for another."""
        descriptor = os.open(self.directory, os.O_RDONLY)
        try:
            libc.syncfs(descriptor)
        finally:
            os.close(descriptor)

    def connect(self):
        return Connection(self.port)

    def peak_memory(self):
        return processes.peak_memory(self._process.pid)

    def cpu_seconds(self):
        return processes.cpu_seconds(self._process.pid)


class FPHost(Server):
    probe = "/healthz"
    upload = ("--form", "/fp/process/")
    chunks = ("--form", "/fp/process/", "--patch", "/fp/patch/%s")

    def __init__(self, program, directory, stores=None, durability="process"):
        """`stores` take the place of the usual two, "staging" and "media", by name."""
        directory.mkdir(parents=True, exist_ok=True)
        self._stores = stores or {}
        self._durability = durability
        self._files = {}
        port = free_port()
        # JSON is YAML.
        (directory / "fphost.yaml").write_text(json.dumps(self.configuration(port)))
        super().__init__(directory, [program, "serve", "--config", "fphost.yaml"], port)

    def configuration(self, port):
        return {
            "server": {"listen": f"127.0.0.1:{port}"},
            "storages_backend": "media",
            "stores": {
                "staging": {"plugin": "LocalStore", "options": {"location": "./data/staging"}},
                "media": {"plugin": "LocalStore", "options": {"location": "./data/media"}},
                **self._stores,
            },
            "uploads": {"staging": "staging", "durability": self._durability},
            "catalog": "sqlite:./data/fphost.db",
            "api": {"tokens": ["benchmark-token"]},
            "log": {"level": "warning"},
        }

    def file(self, size, number):
        if number not in self._files:
            id = load("large", self.port, *self.upload, "--size", size)["id"]
            self.store(id, f"file-{number}.bin")
            self._files[number] = f"/fp/load/?id={id}"
        return self._files[number]

    def remove(self, answer, number):
        load("call", self.port, "--method", "DELETE", "--path", "/fp/revert/", "--body", answer["id"])

    def claim(self, id, path):
        """The words for `load call` with which the application claims an upload."""
        return (
            "--method", "POST", "--path", f"/api/v1/uploads/{id}/store", "--body", json.dumps({"path": path}),
            "--header", "Authorization: Bearer benchmark-token", "--header", "Content-Type: application/json")

    def store(self, id, path):
        connection = self.connect()
        connection.post_json(f"/api/v1/uploads/{id}/store", "benchmark-token", {"path": path})
        connection.close()


class Nginx(Server):
    """nginx with its WebDAV module, as fast as its settings allow: 1 MiB buffers, no log, nothing flushed."""

    program = shutil.which("nginx") or "/usr/sbin/nginx"
    upload = ("--put", "/files/%d")

    def __init__(self, directory):
        if not os.access(self.program, os.X_OK):
            raise Failed("not installed")
        (directory / "files").mkdir(parents=True)
        port = free_port()
        # Its workers would become nobody, who cannot write here.
        user = "user root;" if os.geteuid() == 0 else ""
        (directory / "nginx.conf").write_text(f"""
            {user}
            daemon off;
            worker_processes 2;
            pid {directory}/pid;
            error_log {directory}/log error;
            events {{}}
            http {{
                access_log off;
                sendfile on;
                keepalive_requests 1000000000;
                client_body_temp_path {directory}/temporary;
                proxy_temp_path {directory}/unused;
                fastcgi_temp_path {directory}/unused;
                scgi_temp_path {directory}/unused;
                uwsgi_temp_path {directory}/unused;
                client_max_body_size 0;
                client_body_buffer_size 1m;
                server {{
                    listen 127.0.0.1:{port};
                    location = / {{ return 204; }}
                    location /files/ {{ root {directory}; dav_methods PUT DELETE; }}
                }}
            }}
        """)
        command = [self.program, "-p", str(directory), "-e", str(directory / "log"), "-c", str(directory / "nginx.conf")]
        super().__init__(directory, command, port)

    def file(self, size, number):
        path = f"/files/file-{number}"
        if not (self.directory / path[1:]).exists():
            load("large", self.port, "--put", path, "--size", size)
        return path

    def remove(self, answer, number):
        (self.directory / f"files/{number}").unlink()
