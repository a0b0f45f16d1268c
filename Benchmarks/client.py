"""An HTTP client that costs next to nothing: bodies go out of memory in large pieces, answers are read and dropped."""

import json
import socket


class Failed(Exception):
    """An answer that no measurement can be made of."""


class Connection:
    """One keep-alive connection to a server on this machine."""

    def __init__(self, port):
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=600)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = bytearray(1 << 20)

    def close(self):
        self._socket.close()

    def begin(self, method, path, length, headers=()):
        """Sends a request's head; `send` is for its body, `finish` for the answer."""
        lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {length}", *headers, "", ""]
        self._socket.sendall("\r\n".join(lines).encode())

    def send(self, data, times=1):
        for _ in range(times):
            self._socket.sendall(data)

    def finish(self, keep=True):
        """Returns the answer's body, or only its length without `keep`; any status but 2xx fails."""
        head, body = self._head()
        status, *fields = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (field.partition(":") for field in fields)}
        left = int(headers.get("content-length", 0)) - len(body)
        length = len(body) + left
        while left > 0:
            count = self._socket.recv_into(self._buffer, min(left, len(self._buffer)))
            if count == 0:
                raise Failed("the server closed the connection inside an answer")
            if keep:
                body += self._buffer[:count]
            left -= count
        if status.split(" ")[1][0] != "2":
            raise Failed(f"{status}: {bytes(body[:500])!r}")
        return bytes(body) if keep else length

    def _head(self):
        received = bytearray()
        while (end := received.find(b"\r\n\r\n")) < 0:
            count = self._socket.recv_into(self._buffer)
            if count == 0:
                raise Failed("the server closed the connection without an answer")
            received += self._buffer[:count]
        return received[:end], received[end + 4 :]

    def request(self, method, path, body=b"", headers=(), keep=True):
        self.begin(method, path, len(body), headers)
        self.send(body)
        return self.finish(keep)

    def post_json(self, path, token, document):
        headers = [f"Authorization: Bearer {token}", "Content-Type: application/json"]
        return json.loads(self.request("POST", path, json.dumps(document).encode(), headers))


class Body:
    """A body of any size that is one block of memory over and over, whole blocks first."""

    def __init__(self, block, size):
        self._block = memoryview(block)
        self.size = size

    def send(self, connection, start=0, end=None):
        left = (self.size if end is None else end) - start
        connection.send(self._block, left // len(self._block))
        connection.send(self._block[: left % len(self._block)])


class Multipart:
    """What FilePond posts for one file: its metadata, then the file."""

    _boundary = "----fphost-benchmark"
    _opening = (
        f'--{_boundary}\r\nContent-Disposition: form-data; name="filepond"\r\n\r\n{{}}\r\n'
        f'--{_boundary}\r\nContent-Disposition: form-data; name="filepond"; filename="benchmark.bin"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    ).encode()
    _closing = f"\r\n--{_boundary}--\r\n".encode()

    def __init__(self, body):
        self._body = body

    def begin(self, connection, path="/fp/process/"):
        length = len(self._opening) + self._body.size + len(self._closing)
        kind = f"Content-Type: multipart/form-data; boundary={self._boundary}"
        connection.begin("POST", path, length, [kind])
        connection.send(self._opening)

    def finish(self, connection, sent=0):
        """Sends what is left of the file after `sent` bytes; returns the upload's id."""
        self._body.send(connection, sent)
        connection.send(self._closing)
        return connection.finish().decode()

    def post(self, connection):
        self.begin(connection)
        return self.finish(connection)
