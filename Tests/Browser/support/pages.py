"""Small servers of the tests' own: the page that FilePond runs on, and a remote site to fetch from."""

import http.server
import mimetypes
import pathlib
import random
import re
import threading
import urllib.parse

from .host import CLIENT

PAGE = pathlib.Path(__file__).resolve().parents[1] / "page"


def content(seed, size):
    """The bytes that both a page and a test know by a seed and a size."""
    return random.Random(seed).randbytes(size)


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        path = urllib.parse.unquote(urllib.parse.urlsplit(self.path).path)
        self.server.requests.append((self.command, path, self.headers.get("User-Agent", "")))
        answer = self.server.find(path)
        if answer is None:
            self.send_error(404)
            return
        body, kind = answer
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    """Serves on a free port of 127.0.0.1 until `close`."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.requests = []
        self.origin = f"http://127.0.0.1:{self.server_address[1]}"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def close(self):
        self.shutdown()
        self.server_close()


class PageServer(Server):
    """The page, the client's files, and `/bytes/SEED/SIZE`."""

    def find(self, path):
        made = re.fullmatch(r"/bytes/(\d+)/(\d+)", path)
        if made:
            return content(int(made[1]), int(made[2])), "application/octet-stream"
        name = path.removeprefix("/client/")
        file = (PAGE if name == path else CLIENT) / (name.lstrip("/") or "index.html")
        if not file.is_file():
            return None
        return file.read_bytes(), mimetypes.guess_type(file.name)[0] or "application/octet-stream"


class RemoteSite(Server):
    """What the host fetches from: files by their path, put there by a test."""

    def __init__(self):
        self.files = {}
        super().__init__()

    def find(self, path):
        return self.files.get(path)
