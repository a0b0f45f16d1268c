"""OpenSSH's server on a loopback port with keys of its own, and its `sftp` command."""

import getpass
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time


def _free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class SSHServer:
    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.port = _free_port()
        self.user = getpass.getuser()
        for key in ("host", "user"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.directory / key], check=True)
        kind, key = (self.directory / "host.pub").read_text().split()[:2]
        (self.directory / "known_hosts").write_text(f"[127.0.0.1]:{self.port} {kind} {key}\n")
        (self.directory / "config").write_text(
            f"Port {self.port}\nListenAddress 127.0.0.1\nHostKey {self.directory}/host\nPidFile none\n"
            f"AuthorizedKeysFile {self.directory}/user.pub\nStrictModes no\nUsePAM no\nPermitRootLogin yes\n"
            "Subsystem sftp internal-sftp\nLogLevel ERROR\n"
        )
        if os.geteuid() == 0:
            # As root, the server wants a directory for its part without rights.
            pathlib.Path("/run/sshd").mkdir(exist_ok=True)
        program = shutil.which("sshd", path=os.environ["PATH"] + ":/usr/sbin:/usr/local/sbin")
        if program is None:
            raise RuntimeError("OpenSSH's server is not installed; run `make setup-test`")
        # The shell ends the server when its standard input ends, so also when the tests are killed.
        self.process = subprocess.Popen(
            ["sh", "-c", '"$@" </dev/null & read -r line; kill $!', "sh", program, "-D", "-e", "-f",
             str(self.directory / "config")],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=open(self.directory / "log", "wb"),
        )
        self._wait()

    def _wait(self):
        deadline = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 5).close()
                return
            except OSError:
                if time.monotonic() > deadline:
                    self.stop()
                    raise RuntimeError("sshd does not answer:\n" + (self.directory / "log").read_text())
                time.sleep(0.05)

    def options(self, root, **more):
        """Options of a store in the directory `root` of the server."""
        return {
            "host": "127.0.0.1", "port": self.port, "username": self.user, "key_file": str(self.directory / "user"),
            "known_host_file": str(self.directory / "known_hosts"), "root_path": str(root), **more,
        }

    def sftp(self, *commands):
        """What the `sftp` command prints."""
        return subprocess.run(
            ["sftp", "-q", "-b", "-", "-P", str(self.port), "-i", self.directory / "user",
             "-o", f"UserKnownHostsFile={self.directory}/known_hosts", "-o", "IdentitiesOnly=yes",
             f"{self.user}@127.0.0.1"],
            input="\n".join(commands) + "\n", capture_output=True, text=True, check=True, timeout=60,
        ).stdout

    def stop(self):
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGKILL)
