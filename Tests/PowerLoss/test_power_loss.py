"""What was acknowledged is there after a loss of power at any moment.

A host uploads, stores and deletes while a recorder writes down what it does to its files. Then a disk is made as it may be
after a loss of power at some moment, another host starts on it, and each upload is held against what its client had been
told by then. POWER_LOSS_STATES (30) is how many such disks are made of each recording, POWER_LOSS_SEED which.
"""

import json
import os
import pathlib
import random
import re
import subprocess
import sys
import threading
import urllib.error
import urllib.request

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
# The application API's client is that of the browser tests.
sys.path[:0] = [str(ROOT / "Tests/Browser"), str(pathlib.Path(__file__).parent)]

from replay import Disk, Recording  # noqa: E402
from support.host import API, PROGRAM  # noqa: E402

STATES = int(os.environ.get("POWER_LOSS_STATES", "30"))
SEED = int(os.environ.get("POWER_LOSS_SEED", random.SystemRandom().randrange(1 << 32)))
ACTIONS = 60
CHUNK = 50_000
EDGE = "an-edge-that-is-in-no-file"
FORM = {"Content-Type": f"multipart/form-data; boundary={EDGE}"}
TOKEN = "a-token-that-only-this-test-uses"


@pytest.fixture(scope="session")
def recorder(tmp_path_factory):
    library = tmp_path_factory.mktemp("recorder") / "recorder.so"
    source = pathlib.Path(__file__).with_name("recorder.c")
    subprocess.run(
        ["cc", "-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o", library, source, "-ldl", "-lpthread"],
        check=True)
    return library


class Host:
    """A host on a directory, with the recorder in it."""

    def __init__(self, directory, durability, recorder, log=None, boot="first"):
        (directory / "boot").write_text(boot)
        stores = {
            name: {"plugin": "LocalStore", "options": {"location": f"./data/{name}"}} for name in ("staging", "media")}
        (directory / "fphost.yaml").write_text(
            json.dumps({
                "server": {"listen": "127.0.0.1:0"},
                "storages_backend": "media",
                "stores": stores,
                "uploads": {"staging": "staging", "durability": durability},
                "catalog": "sqlite:./data/fphost.db",
                "api": {"tokens": [TOKEN]},
                "log": {"level": "info"},
            }))
        environment = os.environ | {"LD_PRELOAD": str(recorder), "POWER_LOSS_BOOT": str(directory / "boot")}
        if log:
            environment["POWER_LOSS_LOG"] = str(log)
        self.log = []
        self.process = subprocess.Popen(
            [PROGRAM, "serve", "--config", directory / "fphost.yaml"], env=environment, cwd=directory,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.origin = None
        self._listening = threading.Event()
        threading.Thread(target=self._read_log, daemon=True).start()
        if not self._listening.wait(60) or not self.origin:
            self.kill()
            raise AssertionError("the host did not start:\n" + "".join(self.log))
        self.api = API(self.origin, TOKEN)

    def _read_log(self):
        for line in self.process.stdout:
            self.log.append(line)
            if found := re.search(r"listening on (http://[^\s\"/]+)", line):
                self.origin = found[1]
                self._listening.set()
        self._listening.set()

    def kill(self):
        self.process.kill()
        self.process.wait()

    def request(self, method, path, body=None, headers=None):
        request = urllib.request.Request(self.origin + path, method=method, data=body, headers=headers or {})
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                return response.status, response.headers, response.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.headers, error.read()


def form(content=None):
    parts = f'--{EDGE}\r\nContent-Disposition: form-data; name="filepond"\r\n\r\n{{}}\r\n'.encode()
    if content is not None:
        head = f'--{EDGE}\r\nContent-Disposition: form-data; name="filepond"; filename="a.bin"\r\n\r\n'
        parts += head.encode() + content + b"\r\n"
    return parts + f"--{EDGE}--\r\n".encode()


class Upload:
    """An upload, and what was asked for it: for each request when it began, and when its answer was there, as places in
    the recording."""

    def __init__(self, content):
        self.content = content
        self.id = None
        self.path = None
        self.steps = []

    def known(self, place):
        """What had been acknowledged by then, and what was on its way."""
        acknowledged, asked = None, None
        for name, begun, answered in self.steps:
            if answered <= place:
                acknowledged = name
            elif begun <= place:
                asked = name
        return acknowledged, asked


class Client(threading.Thread):
    def __init__(self, number, host, recording):
        super().__init__()
        self._random = random.Random(f"{SEED}-{number}")
        self._number = number
        self._host = host
        self._recording = recording
        self.uploads = []
        self.failure = None

    def run(self):
        try:
            for _ in range(ACTIONS):
                self._random.choice([self._process, self._chunk, self._chunk, self._store, self._revert, self._delete])()
        except BaseException as error:
            self.failure = error

    def _ask(self, upload, name, wanted, method, path, body=None, headers=None):
        begun = self._recording.stat().st_size
        status, fields, content = self._host.request(method, path, body, headers)
        assert status in wanted, f"{method} {path} was answered {status}: {content[:300]}"
        # What the answer promises has been recorded before it was sent.
        upload.steps.append((name, begun, self._recording.stat().st_size))
        return content

    def _pick(self, *states):
        found = [upload for upload in self.uploads if upload.steps[-1][0] in states]
        return self._random.choice(found) if found else None

    def _process(self):
        upload = Upload(self._random.randbytes(self._random.choice([0, 100, 20_000, 400_000])))
        upload.id = self._ask(upload, "complete", {200}, "POST", "/fp/process/", form(upload.content), FORM).decode()
        self.uploads.append(upload)

    def _chunk(self):
        upload = next((upload for upload in self.uploads if isinstance(upload.steps[-1][0], int)), None)
        if upload is None:
            upload = Upload(self._random.randbytes(self._random.randrange(1, 5 * CHUNK)))
            head = FORM | {"Upload-Length": str(len(upload.content))}
            upload.id = self._ask(upload, 0, {200}, "POST", "/fp/process/", form(), head).decode()
            self.uploads.append(upload)
            return
        self._send_chunk(upload)

    def _send_chunk(self, upload):
        start = upload.steps[-1][0]
        end = min(start + CHUNK, len(upload.content))
        name = "complete" if end == len(upload.content) else end
        self._ask(
            upload, name, {200, 204}, "PATCH", f"/fp/patch/{upload.id}", upload.content[start:end],
            {"Content-Type": "application/offset+octet-stream", "Upload-Offset": str(start),
             "Upload-Length": str(len(upload.content)), "Upload-Name": "a.bin"})

    def _store(self):
        if upload := self._pick("complete"):
            upload.path = f"{self._number}/{self._random.randrange(4)}/{upload.id}.bin"
            self._ask(
                upload, "stored", {200}, "POST", f"/api/v1/uploads/{upload.id}/store",
                json.dumps({"path": upload.path}).encode(),
                {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"})

    def _revert(self):
        if self._random.random() < 0.5 and (upload := self._pick("complete")):
            self._ask(
                upload, "gone", {204}, "DELETE", "/fp/revert/", upload.id.encode(), {"Content-Type": "text/plain"})

    def _delete(self):
        if self._random.random() < 0.5 and (upload := self._pick("stored")):
            self._ask(
                upload, "gone", {200}, "DELETE", f"/api/v1/uploads/{upload.id}?delete_file=true", None,
                {"Authorization": f"Bearer {TOKEN}"})


def require_attributes(directory):
    """LocalStore recognises its files by these where there are any, and by inode numbers, which a copy has others of."""
    try:
        os.setxattr(directory, "user.fphost.test", b"")
    except OSError as error:
        pytest.skip(f"{directory} takes no extended attributes of users: {error.strerror}")


def record(directory, durability, recorder):
    """Runs clients against a host, and returns the recording and their uploads."""
    recording = directory / "recording"
    root = directory / "recorded"
    root.mkdir()
    host = Host(root, durability, recorder, recording)
    clients = [Client(number, host, recording) for number in range(3)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    host.kill()
    for client in clients:
        if client.failure:
            raise client.failure
    return root, recording, [upload for client in clients for upload in client.uploads]


def check(host, upload, place):
    """Holds an upload against what its client had been told at some moment."""
    acknowledged, asked = upload.known(place)
    if acknowledged is None:
        return
    found = host.api.get(upload.id)
    about = f"{upload.id}, of which {acknowledged!r} was acknowledged and {asked!r} was asked for, is {found}"
    if acknowledged == "gone":
        assert found is None, about
        return
    if asked == "gone" and found is None:
        return
    assert found is not None, about
    if isinstance(acknowledged, int):
        if found["state"] == "complete":
            assert asked == "complete", about
        else:
            status, fields, _ = host.request("HEAD", f"/fp/patch/{upload.id}")
            offset = int(fields["Upload-Offset"])
            assert status == 200 and offset >= acknowledged, f"{about}, and HEAD says {offset}"
            assert offset <= (asked if isinstance(asked, int) else len(upload.content)), about
            finish(host, upload, offset)
    elif acknowledged == "complete":
        assert found["state"] == "complete" or (asked, found["state"]) == ("stored", "stored"), about
    else:
        assert found["state"] == "stored" and found["path"] == upload.path, about
    assert host.api.content(upload.id) == upload.content, f"{about}, and its bytes are others"


def finish(host, upload, offset):
    """Sends the rest: what a client had sent before must be the beginning of the file."""
    status, _, body = host.request(
        "PATCH", f"/fp/patch/{upload.id}", upload.content[offset:],
        {"Content-Type": "application/offset+octet-stream", "Upload-Offset": str(offset),
         "Upload-Length": str(len(upload.content)), "Upload-Name": "a.bin"})
    assert status in {200, 204}, f"the rest of {upload.id} from {offset} on was answered {status}: {body[:300]}"


def check_stored_files(host, directory):
    """Catalog and store name the same files: nothing is in two places, and nothing is nobody's."""
    media = directory / "data/media"
    files = {str(path.relative_to(media)) for path in media.rglob("*") if path.is_file()} if media.is_dir() else set()
    files = {path for path in files if not path.startswith(".fp")}
    rows = {upload["path"] for upload in host.api.list(state="stored", limit=1000)}
    assert files == rows


def moments(recording, uploads, chance):
    """Where power is lost: right after an answer, when least of what it promises may be missing, and anywhere."""
    answers = sorted({answered for upload in uploads for _, _, answered in upload.steps})
    places = [place for place, _ in Recording(recording)]
    chosen = chance.sample(answers, min(STATES // 2, len(answers)))
    return sorted(chosen + chance.sample(places, min(STATES - len(chosen), len(places))))


@pytest.mark.parametrize(
    "durability, kinds", [("power", ["lost", "torn"]), ("process", ["kept"])], ids=["power", "process"])
def test_what_was_acknowledged_survives_a_loss_at_any_moment(durability, kinds, tmp_path, recorder):
    print(f"POWER_LOSS_SEED={SEED}")
    require_attributes(tmp_path)
    root, recording, uploads = record(tmp_path, durability, recorder)
    chance = random.Random(SEED)
    disk = Disk(root)
    lines = iter(Recording(recording))
    place = 0
    for number, moment in enumerate(moments(recording, uploads, chance)):
        while place < moment:
            try:
                place, entry = next(lines)
            except StopIteration:
                break
            disk.apply(entry)
        for kind in kinds:
            directory = tmp_path / f"{number}-{kind}"
            disk.write(directory, kind, chance)
            host = Host(directory, durability, recorder, boot=f"after {number}")
            try:
                for upload in uploads:
                    check(host, upload, moment)
                check_stored_files(host, directory)
            except BaseException as error:
                error.add_note(f"seed {SEED}, {kind} at {moment}, in {directory}\n" + "".join(host.log[-30:]))
                raise
            finally:
                host.kill()
