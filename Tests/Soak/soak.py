"""Mixed load for a while, with the host killed now and then; `make soak` runs it.

Clients upload in one piece and in chunks, cut their own connections, repeat chunks, store, load, revert and delete. Each
notes what the host acknowledged. After every kill -9, and at the end, each acknowledged upload must be there byte for
byte, and nothing that was taken back may be. In the end the host's memory must have stayed level, SIGTERM must end it,
and once every temporary upload has expired staging must be empty and the stored files still whole.

SOAK_SECONDS (300) is how long, SOAK_KILLS (20) how often the host is killed, SOAK_CLIENTS (8) how many clients there are,
SOAK_SEED which random numbers they take.
"""

import argparse
import hashlib
import http.client
import json
import os
import pathlib
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

SECONDS = float(os.environ.get("SOAK_SECONDS", "300"))
KILLS = int(os.environ.get("SOAK_KILLS", "20"))
CLIENTS = int(os.environ.get("SOAK_CLIENTS", "8"))
SEED = int(os.environ.get("SOAK_SEED", random.SystemRandom().randrange(1 << 32)))

CHUNK = 256 * 1024
TOKEN = "soak-token-of-many-letters"
# Uploads that a client keeps: all of them are compared after each kill.
KEPT = 40
BOUNDARY = "soak-boundary"
# What a client sees of a host that was killed, or of a connection that it cut itself.
GONE = (OSError, http.client.HTTPException)


class Wrong(Exception):
    """The host broke a promise."""


class Host:
    """The host as a process that is killed and started again, on one port and one directory."""

    def __init__(self, program, directory):
        self._program = program
        self._directory = directory
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.port = listener.getsockname()[1]
        self.configure(expire_after="1h")
        self.start()

    def configure(self, expire_after):
        stores = {
            name: {"plugin": "LocalStore", "options": {"location": f"./data/{name}"}} for name in ("staging", "media")
        }
        (self._directory / "fphost.yaml").write_text(
            json.dumps({
                "server": {"listen": f"127.0.0.1:{self.port}"},
                "storages_backend": "media",
                "stores": stores,
                "uploads": {"staging": "staging", "sweep_every": "1s", "expire_after": expire_after},
                "catalog": "sqlite:./data/fphost.db",
                "api": {"tokens": [TOKEN]},
                "log": {"level": "warning"},
            })
        )

    def start(self):
        log = (self._directory / "log").open("ab")
        self._process = subprocess.Popen(
            [self._program, "serve", "--config", "fphost.yaml"],
            cwd=self._directory, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        )
        deadline = time.monotonic() + 60
        while True:
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise Wrong(f"the host did not start:\n{(self._directory / 'log').read_text()[-3000:]}")
            try:
                if Client(self.port).request("GET", "/readyz")[0] == 200:
                    return
            except GONE:
                time.sleep(0.02)

    def kill(self):
        self._process.kill()
        self._process.wait()

    def stop(self):
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(60)

    def memory(self):
        if (ended := self._process.poll()) is not None:
            raise Wrong(f"the host ended by itself with status {ended}")
        status = pathlib.Path(f"/proc/{self._process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) * 1024

    def staged_files(self):
        """What the staging store holds, but for what belongs to the store and to the host themselves."""
        root = self._directory / "data/staging"
        return [
            path for path in root.rglob("*")
            if path.is_file() and path.relative_to(root).parts[0] not in (".fp", ".fphost-catalog")]


class Client:
    """One connection at a time to the host."""

    def __init__(self, port):
        self._port = port

    def request(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        try:
            connection.request(method, path, body, headers or {})
            reply = connection.getresponse()
            return reply.status, reply.read(), reply.headers
        finally:
            connection.close()

    def api(self, method, path, value=None):
        headers = {"Authorization": f"Bearer {TOKEN}"}
        body = None
        if value is not None:
            headers["Content-Type"] = "application/json"
            body = json.dumps(value)
        status, reply, _ = self.request(method, "/api/v1/uploads" + path, body, headers)
        return status, json.loads(reply)

    def cut(self, method, path, body, headers, after):
        """Sends the head and `after` bytes of the body, and goes away."""
        with socket.create_connection(("127.0.0.1", self._port), timeout=60) as connection:
            head = f"{method} {path} HTTP/1.1\r\nHost: soak\r\nContent-Length: {len(body)}\r\n"
            head += "".join(f"{name}: {value}\r\n" for name, value in headers.items())
            connection.sendall(head.encode() + b"\r\n" + body[:after])


def form(*files):
    parts = [b"--%s\r\nContent-Disposition: form-data; name=\"filepond\"\r\n\r\n{}\r\n" % BOUNDARY.encode()]
    for name, content in files:
        parts.append(
            b"--%s\r\nContent-Disposition: form-data; name=\"filepond\"; filename=\"%s\"\r\n"
            b"Content-Type: application/octet-stream\r\n\r\n%s\r\n" % (BOUNDARY.encode(), name.encode(), content)
        )
    return b"".join(parts) + b"--%s--\r\n" % BOUNDARY.encode()


FORM = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}


class Upload:
    """What a client knows of one upload: the last thing that was acknowledged, and what was asked for since."""

    def __init__(self, content):
        self.content = content
        self.id = None
        self.acknowledged = 0
        self.path = None
        self.is_stored = False
        # The last request got no answer: the upload may be as before or as asked for.
        self.unsure = None


class Worker(threading.Thread):
    """A client with uploads of its own."""

    def __init__(self, number, host, stop):
        super().__init__(daemon=True)
        self._random = random.Random(f"{SEED}-{number}")
        self._client = Client(host.port)
        self._ended = stop
        self._number = number
        self.uploads = []
        self.gone = []
        self.requests = 0
        self.failure = None

    def run(self):
        while not self._ended.is_set():
            try:
                self._act()
                self.requests += 1
            except GONE:
                time.sleep(0.05)
            except Exception as error:
                self.failure = error
                return

    def _act(self):
        acts = [self._post, self._chunks, self._store, self._load, self._revert, self._delete_stored]
        weights = [4, 3, 3, 4, 1, 1] if len(self.uploads) < KEPT else [0, 1, 3, 2, 4, 6]
        self._random.choices(acts, weights)[0]()

    def _pick(self, condition):
        candidates = [upload for upload in self.uploads if upload.unsure is None and condition(upload)]
        return self._random.choice(candidates) if candidates else None

    def _post(self):
        content = self._random.randbytes(self._random.choice([0, 1, 10_000, 300_000]))
        status, body, _ = self._client.request("POST", "/fp/process/", form(("soak.bin", content)), FORM)
        if status != 200:
            raise Wrong(f"process was answered {status}: {body[:300]}")
        upload = Upload(content)
        upload.id = body.decode()
        upload.acknowledged = len(content)
        self.uploads.append(upload)

    def _chunks(self):
        upload = self._pick(lambda upload: upload.acknowledged < len(upload.content))
        if upload is None or self._random.random() < 0.3:
            upload = Upload(self._random.randbytes(self._random.randrange(1, 6 * CHUNK)))
            status, body, _ = self._client.request(
                "POST", "/fp/process/", form(), FORM | {"Upload-Length": str(len(upload.content))})
            if status != 200:
                raise Wrong(f"a chunked upload was begun with {status}: {body[:300]}")
            upload.id = body.decode()
            self.uploads.append(upload)
        while upload.acknowledged < len(upload.content) and not self._ended.is_set():
            start = upload.acknowledged
            # Now and then the chunk before comes once more, as after a lost answer.
            if start >= CHUNK and start % CHUNK == 0 and self._random.random() < 0.1:
                start -= CHUNK
            chunk = upload.content[start:start + CHUNK]
            headers = {
                "Content-Type": "application/offset+octet-stream", "Upload-Offset": str(start),
                "Upload-Length": str(len(upload.content)), "Upload-Name": "soak.bin",
            }
            path = f"/fp/patch/{upload.id}"
            if self._random.random() < 0.1:
                self._client.cut("PATCH", path, chunk, headers, self._random.randrange(len(chunk)))
                return
            status, body, _ = self._client.request("PATCH", path, chunk, headers)
            # The request that was cut before may reach the host after this one, and is the newer one then.
            if status == 409 and b"took over" in body:
                continue
            if status not in (200, 204):
                raise Wrong(f"a chunk at {start} of {upload.id} was answered {status}: {body[:300]}")
            upload.acknowledged = max(upload.acknowledged, start + len(chunk))

    def _store(self):
        upload = self._pick(lambda upload: upload.acknowledged == len(upload.content) and not upload.is_stored)
        if upload is None:
            return
        path = f"soak/{self._number}/{upload.id}.bin"
        upload.unsure = "store"
        upload.path = path
        status, reply = self._client.api("POST", f"/{upload.id}/store", {"path": path})
        if status != 200:
            raise Wrong(f"storing {upload.id} was answered {status}: {reply}")
        upload.is_stored = True
        upload.unsure = None

    def _load(self):
        upload = self._pick(lambda upload: upload.acknowledged == len(upload.content))
        if upload is not None:
            self._compare(upload)

    def _compare(self, upload):
        action = "load" if upload.is_stored else "restore"
        status, body, _ = self._client.request("GET", f"/fp/{action}/?id={upload.id}")
        if status != 200:
            raise Wrong(f"{action} of {upload.id} was answered {status}: {body[:300]}")
        if hashlib.sha256(body).digest() != hashlib.sha256(upload.content).digest():
            raise Wrong(f"{upload.id} came back with {len(body)} other bytes than its {len(upload.content)}")

    def _revert(self):
        upload = self._pick(lambda upload: not upload.is_stored)
        if upload is None:
            return
        upload.unsure = "revert"
        status, body, _ = self._client.request(
            "DELETE", "/fp/revert/", upload.id.encode(), {"Content-Type": "text/plain"})
        if status != 204:
            raise Wrong(f"revert of {upload.id} was answered {status}: {body[:300]}")
        self.uploads.remove(upload)
        self.gone.append(upload.id)

    def _delete_stored(self):
        upload = self._pick(lambda upload: upload.is_stored)
        if upload is None:
            return
        upload.unsure = "delete"
        status, reply = self._client.api("DELETE", f"/{upload.id}?delete_file=true")
        if status != 200:
            raise Wrong(f"deleting {upload.id} was answered {status}: {reply}")
        self.uploads.remove(upload)
        self.gone.append(upload.id)

    def verify(self):
        """Holds everything that was acknowledged against the host; what had no answer is settled by asking."""
        for upload in list(self.uploads):
            status, reply = self._client.api("GET", f"/{upload.id}")
            if status == 404 and upload.unsure in ("revert", "delete"):
                self.uploads.remove(upload)
                continue
            if status != 200:
                raise Wrong(f"{upload.id} was acknowledged, and is answered {status}: {reply}")
            self._settle(upload, reply)
            if upload.acknowledged == len(upload.content):
                self._compare(upload)
            else:
                status, _, headers = self._client.request("HEAD", f"/fp/patch/{upload.id}")
                offset = int(headers.get("Upload-Offset", -1))
                if status != 200 or offset < upload.acknowledged:
                    raise Wrong(f"{upload.id} has {upload.acknowledged} bytes, and HEAD says {status}, {offset}")
                upload.acknowledged = offset
        for id in self.gone[-200:]:
            status, _ = self._client.api("GET", f"/{id}")
            if status != 404:
                raise Wrong(f"{id} was taken back, and is answered {status}")

    @staticmethod
    def _settle(upload, reply):
        state = reply["state"]
        if upload.unsure == "store" and state in ("complete", "stored"):
            upload.is_stored = state == "stored"
        elif upload.unsure is None and state not in ("receiving", "complete", "stored"):
            raise Wrong(f"{upload.id} is {state}")
        elif upload.is_stored and state != "stored":
            raise Wrong(f"{upload.id} was stored, and is {state}")
        upload.unsure = None


def check(workers):
    for worker in workers:
        if worker.failure is not None:
            raise worker.failure


def median(values):
    return sorted(values)[len(values) // 2]


def soak(program, directory):
    host = Host(program, directory)
    stop = threading.Event()
    workers = [Worker(number, host, stop) for number in range(CLIENTS)]
    rounds = max(KILLS, 1)
    memory = []
    try:
        for round in range(rounds + 1):
            stop.clear()
            if round > 0:
                successors = [Worker(f"{worker._number}", host, stop) for worker in workers]
                for successor, worker in zip(successors, workers):
                    successor._random = worker._random
                    successor.uploads, successor.gone = worker.uploads, worker.gone
                    successor.requests = worker.requests
                workers = successors
            for worker in workers:
                worker.start()
            end = time.monotonic() + SECONDS / (rounds + 1)
            while time.monotonic() < end and all(worker.failure is None for worker in workers):
                time.sleep(0.1)
            memory.append(host.memory())
            if round < KILLS:
                host.kill()
                stop.set()
            stop.set()
            for worker in workers:
                worker.join(120)
            check(workers)
            if round < KILLS:
                host.start()
            for worker in workers:
                worker.verify()
            uploads = sum(len(worker.uploads) for worker in workers)
            print(f"soak: round {round}: {uploads} uploads verified, {memory[-1] >> 20} MiB", flush=True)
        if max(memory[len(memory) // 2:]) > 2 * median(memory) + (64 << 20):
            raise Wrong(f"memory did not stay level: {[size >> 20 for size in memory]} MiB")
        expire(host, workers)
    finally:
        host.kill()
    print(f"soak: {sum(worker.requests for worker in workers)} actions, {KILLS} kills: nothing lost, nothing left over")


def expire(host, workers):
    """Lets every temporary upload expire: what is stored stays, and staging is empty."""
    if (status := host.stop()) != 0:
        raise Wrong(f"the host ended with status {status}")
    host.configure(expire_after="1s")
    host.start()
    deadline = time.monotonic() + 120
    while (files := host.staged_files()) and time.monotonic() < deadline:
        time.sleep(0.5)
    if files:
        raise Wrong(f"{len(files)} files are left in staging after all has expired, such as {files[0]}")
    for worker in workers:
        worker.uploads = [upload for upload in worker.uploads if upload.is_stored]
        worker.verify()
    if (status := host.stop()) != 0:
        raise Wrong(f"the host ended with status {status}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", required=True, help="the fphost to run")
    program = str(pathlib.Path(parser.parse_args().host).absolute())
    print(f"soak: seed {SEED}, {SECONDS:.0f} s, {CLIENTS} clients")
    with tempfile.TemporaryDirectory(prefix="fphost-soak-") as directory:
        try:
            soak(program, pathlib.Path(directory))
        except Wrong as error:
            print(f"soak: {error}\nthe host's last lines:\n" + (pathlib.Path(directory) / "log").read_text()[-3000:])
            sys.exit(1)


if __name__ == "__main__":
    main()
