"""The Django project of Examples/django-session, as its README starts it, and the fphost behind its login."""

import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import threading
import time

from .host import API, CLIENT, PROGRAM, ROOT, Host

PASSWORD = "a-password-for-this-test"


class Example:
    """A copy of the example with users of the tests' own."""

    def __init__(self, directory, *users):
        self.directory = pathlib.Path(directory) / "django-session"
        shutil.copytree(
            ROOT / "Examples/django-session", self.directory,
            ignore=shutil.ignore_patterns("data", "client", "db.sqlite3", "__pycache__"))
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            self.port = listener.getsockname()[1]
        self.origin = f"http://127.0.0.1:{self.port}"
        self.host = ExampleHost(self.directory, SITE=self.origin, LISTEN="127.0.0.1:0")
        self.environment = os.environ | {"FPHOST": self.host.origin, "FILEPOND_CLIENT": str(CLIENT)}
        self._manage("migrate", "--verbosity", "0")
        self._manage("shell", "--command", "from django.contrib.auth.models import User\n" + "".join(
            f"User.objects.create_user({user!r}, password={PASSWORD!r})\n" for user in users))
        # The shell ends Django when its standard input ends, so also when the tests are killed.
        self.process = subprocess.Popen(
            ["sh", "-c", '"$@" </dev/null & read -r line; kill $!', "sh", *self._command(
                "runserver", "--noreload", f"127.0.0.1:{self.port}")],
            cwd=self.directory, env=self.environment, stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL, stderr=open(self.directory / "log", "wb"))
        self._wait()

    def _command(self, *arguments):
        return [sys.executable, "manage.py", *arguments]

    def _manage(self, *arguments):
        done = subprocess.run(
            self._command(*arguments), cwd=self.directory, env=self.environment, text=True, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
        if done.returncode != 0:
            self.host.stop()
            raise RuntimeError(f"manage.py {arguments[0]} failed:\n{done.stdout}")

    def _wait(self):
        deadline = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 5).close()
                return
            except OSError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    self.stop()
                    raise RuntimeError("Django does not answer:\n" + (self.directory / "log").read_text())
                time.sleep(0.05)

    def questions(self):
        """What fphost asked so far, as Django's log has it."""
        return re.findall(r'"GET /fphost/auth/ HTTP/1.1" (\d+)', (self.directory / "log").read_text())

    def stop(self):
        self.process.stdin.close()
        self.process.wait(60)
        return self.host.stop()


class ExampleHost(Host):
    """fphost with the example's own fphost.yaml."""

    def __init__(self, directory, **variables):
        self.directory = directory
        self.log = []
        self.process = subprocess.Popen(
            [PROGRAM.absolute(), "serve", "--config", directory / "fphost.yaml"], cwd=directory,
            env=os.environ | variables, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True)
        self.listening = threading.Event()
        threading.Thread(target=self._read_log, daemon=True).start()
        if not self.listening.wait(60) or not self.origin:
            self.process.kill()
            raise RuntimeError(f"{PROGRAM} did not start to listen:\n" + "".join(self.log))
        self.api = API(self.origin, (directory / "data/api-token").read_text().strip())
