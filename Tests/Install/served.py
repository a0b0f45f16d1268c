"""An installed host that serves, and uploads as FilePond sends them."""

import pathlib
import re
import subprocess
import sys
import threading
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
# The application API's client is that of the browser tests.
sys.path.insert(0, str(ROOT / "Tests/Browser"))

from support.host import API  # noqa: E402


class Served:
    """A host that a command starts; `token` reads its API's token once it serves."""

    def __init__(self, command, token):
        self.log = []
        self.origin = None
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        listening = threading.Event()
        threading.Thread(target=self._read_log, args=[listening], daemon=True).start()
        if not listening.wait(60) or not self.origin:
            self.process.kill()
            raise RuntimeError(f"{command} did not start to listen:\n" + "".join(self.log))
        self.api = API(self.origin, token())

    def _read_log(self, listening):
        for line in self.process.stdout:
            self.log.append(line)
            if found := re.search(r"listening on (http://[^\s\"/]+)", line):
                self.origin = found[1]
                listening.set()
        listening.set()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        status = self.process.wait(60)
        assert status == 0, f"the host ended with status {status}:\n" + "".join(self.log[-50:])

    def send(self, method, path, body=None, **headers):
        request = urllib.request.Request(
            self.origin + path, method=method, data=body,
            headers={name.replace("_", "-"): value for name, value in headers.items()},
        )
        with urllib.request.urlopen(request, timeout=60) as response:
            return response.headers, response.read()

    def process_form(self, name, content):
        """Uploads in one piece, and returns the id."""
        edge = "a-boundary-that-no-test-file-has"
        body = (
            f"--{edge}\r\nContent-Disposition: form-data; name=\"filepond\"\r\n\r\n{{}}\r\n"
            f"--{edge}\r\nContent-Disposition: form-data; name=\"filepond\"; filename=\"{name}\"\r\n"
            f"Content-Type: application/octet-stream\r\n\r\n"
        ).encode() + content + f"\r\n--{edge}--\r\n".encode()
        _, id = self.send("POST", "/fp/process/", body, Content_Type=f"multipart/form-data; boundary={edge}")
        return id.decode()

    def process_chunks(self, name, content, size, stop_after=None):
        """Uploads in chunks, those that begin below `stop_after`, and returns the id."""
        edge = "another-boundary"
        form = f"--{edge}\r\nContent-Disposition: form-data; name=\"filepond\"\r\n\r\n{{}}\r\n--{edge}--\r\n".encode()
        _, id = self.send(
            "POST", "/fp/process/", form,
            Content_Type=f"multipart/form-data; boundary={edge}", Upload_Length=str(len(content)))
        id = id.decode()
        self.patch(id, name, content, 0, size, stop_after)
        return id

    def patch(self, id, name, content, offset, size, stop_after=None):
        end = len(content) if stop_after is None else stop_after
        for start in range(offset, end, size):
            self.send(
                "PATCH", f"/fp/patch/{id}", content[start : start + size],
                Content_Type="application/offset+octet-stream", Upload_Offset=str(start),
                Upload_Length=str(len(content)), Upload_Name=name)

    def offset(self, id):
        headers, _ = self.send("HEAD", f"/fp/patch/{id}")
        return int(headers["Upload-Offset"])

    def restore(self, id):
        """The bytes of a temporary upload."""
        return self.send("GET", f"/fp/restore/?id={id}")[1]

    def load(self, source):
        """The bytes of a stored upload, by id or path."""
        return self.send("GET", f"/fp/load/?id={source}")[1]
