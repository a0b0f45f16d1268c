"""A running fphost with a directory and a configuration of its own, and its application API."""

import json
import os
import pathlib
import re
import subprocess
import threading
import urllib.error
import urllib.parse
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[3]
PROGRAM = pathlib.Path(os.environ.get("FPHOST", ROOT / ".build/release/fphost"))
CLIENT = pathlib.Path(os.environ.get("FPHOST_CLIENT", ROOT / ".build/filepond"))


class Host:
    def __init__(self, directory, page_origin, stores=None, sections=None, credentials=False):
        """`stores` are named in place of the usual ones: two directories of this machine, "staging" and "media".
        `sections` are further ones of the settings; `credentials`, whether the page may use its visitor's."""
        self.directory = pathlib.Path(directory)
        self.log = []
        configuration = {
            "server": {
                "listen": "127.0.0.1:0",
                "base_path": "/fp",
                "demo": True,
                "demo_assets": str(CLIENT),
                "cors": {"origins": [page_origin], "credentials": credentials},
            },
            "storages_backend": "media",
            "stores": {
                "staging": {"plugin": "LocalStore", "options": {"location": "./data/staging"}},
                "media": {"plugin": "LocalStore", "options": {"location": "./data/media"}},
                **(stores or {}),
            },
            "uploads": {"staging": "staging"},
            "catalog": "sqlite:./data/fphost.db",
            "api": {"tokens": ["file:./data/api-token"]},
            "fetch": {"allow": ["127.0.0.0/8"]},
            **(sections or {}),
        }
        # JSON is YAML.
        (self.directory / "fphost.yaml").write_text(json.dumps(configuration, indent=2))
        self.process = subprocess.Popen(
            [PROGRAM, "serve", "--config", self.directory / "fphost.yaml"],
            # A host in a working tree finds the demo page's files there; the YAML's paths begin at the YAML.
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.listening = threading.Event()
        threading.Thread(target=self._read_log, daemon=True).start()
        if not self.listening.wait(60) or not self.origin:
            self.process.kill()
            raise RuntimeError(f"{PROGRAM} did not start to listen:\n" + "".join(self.log))
        self.api = API(self.origin, (self.directory / "data/api-token").read_text().strip())

    origin = None

    def _read_log(self):
        for line in self.process.stdout:
            self.log.append(line)
            found = re.search(r"listening on (http://[^\s\"/]+)", line)
            if found and not self.listening.is_set():
                self.origin = found[1]
                self.listening.set()
        self.listening.set()

    def stop(self):
        self.process.terminate()
        try:
            return self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise


class API:
    """The application's side: what it sees and does with its token."""

    def __init__(self, origin, token):
        self.origin = origin
        self.token = token

    def request(self, method, path, body=None, headers=None):
        """Returns the status, the headers and the body, whatever the status."""
        request = urllib.request.Request(
            f"{self.origin}/api/v1/uploads{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.token}", "Content-Type": "application/json", **(headers or {})},
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                return response.status, response.headers, response.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.headers, error.read()

    def _expect(self, wanted, method, path, body=None):
        status, _, content = self.request(method, path, body)
        assert status in wanted, f"{method} {path} answered {status}: {content[:500]!r}"
        return content

    def list(self, **filters):
        query = "?" + urllib.parse.urlencode(filters) if filters else ""
        return json.loads(self._expect({200}, "GET", query))["uploads"]

    def get(self, id):
        """The upload, or None if there is none of this id."""
        status, _, content = self.request("GET", f"/{id}")
        assert status in {200, 404}, f"GET {id} answered {status}: {content[:500]!r}"
        return json.loads(content) if status == 200 else None

    def content(self, id, file=0):
        """The bytes of one of the upload's files; the first is the main file."""
        return self._expect({200}, "GET", f"/{id}/files/{file}/content" if file else f"/{id}/content")

    def store(self, id, path, **more):
        return json.loads(self._expect({200, 201}, "POST", f"/{id}/store", {"path": path, **more}))

    def delete(self, id, delete_file=True):
        self._expect({200, 204}, "DELETE", f"/{id}?delete_file={'true' if delete_file else 'false'}")
