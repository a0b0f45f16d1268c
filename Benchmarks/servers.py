"""The servers that are measured, each as a process with a directory of its own."""

import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import time

from client import Connection, Failed


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


class Server:
    """A server that is started by `command` and answers `GET probe` once it is up."""

    probe = "/"

    def __init__(self, directory, command, port):
        self.directory = directory
        self.port = port
        log = directory / "log"
        started = time.perf_counter()
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                command, cwd=directory, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
            )
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
        self._process.terminate()
        self._process.wait(60)

    def connect(self):
        return Connection(self.port)

    def peak_memory(self):
        """The largest resident set that the process ever had, in bytes."""
        status = pathlib.Path(f"/proc/{self._process.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) * 1024


class FPHost(Server):
    probe = "/healthz"

    def __init__(self, program, directory, stores=None):
        """`stores` take the place of the usual two, "staging" and "media", by name."""
        directory.mkdir(parents=True, exist_ok=True)
        self._stores = stores or {}
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
            "uploads": {"staging": "staging"},
            "catalog": "sqlite:./data/fphost.db",
            "api": {"tokens": ["benchmark-token"]},
            "log": {"level": "warning"},
        }

    def store(self, id, path):
        connection = self.connect()
        connection.post_json(f"/api/v1/uploads/{id}/store", "benchmark-token", {"path": path})
        connection.close()


class Nginx(Server):
    """nginx with its WebDAV module, as fast as its settings allow: 1 MiB buffers, no log, nothing flushed."""

    program = shutil.which("nginx") or "/usr/sbin/nginx"

    def __init__(self, directory):
        (directory / "files").mkdir(parents=True)
        port = free_port()
        # Its workers would become nobody, who cannot write here.
        user = "user root;" if os.geteuid() == 0 else ""
        (directory / "nginx.conf").write_text(f"""
            {user}
            daemon off;
            worker_processes auto;
            pid {directory}/pid;
            error_log {directory}/log error;
            events {{}}
            http {{
                access_log off;
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
