"""A proxy between the browser and the host that breaks a connection on demand."""

import dataclasses
import socket
import threading


@dataclasses.dataclass
class Cut:
    """What to do to the next request whose head contains `mark`."""

    mark: bytes
    #: Bytes of the request that the host still gets; None lets all of it through and loses the answer.
    after: int | None
    #: Whether the connection stays open, but still, until the browser gives it up.
    stall: bool = False
    times: int = 1
    done: threading.Event = dataclasses.field(default_factory=threading.Event)


class Proxy:
    """Forwards connections to `target`, a host and a port, and cuts the one that an armed cut fits."""

    def __init__(self, target):
        self._target = target
        self._lock = threading.Lock()
        self._armed = None
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.origin = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def cut_request(self, after, mark=b"PATCH /", times=1):
        """Cuts the connection once `after` bytes of the next such request were forwarded."""
        return self._arm(Cut(mark, after, times=times))

    def stall_request(self, after, mark=b"PATCH /"):
        """Forwards `after` bytes of the next such request, then nothing more."""
        return self._arm(Cut(mark, after, stall=True))

    def lose_answer(self, mark=b"PATCH /"):
        """Lets the next such request through whole, and cuts the connection when its answer comes."""
        return self._arm(Cut(mark, None))

    def close(self):
        self._listener.close()

    def _arm(self, cut):
        with self._lock:
            self._armed = cut
        return cut

    def take(self, data):
        """The armed cut if it fits a request whose head `data` is; that uses it up once."""
        with self._lock:
            cut = self._armed
            if cut is None or cut.mark not in data:
                return None
            cut.times -= 1
            if cut.times == 0:
                self._armed = None
            return cut

    def _accept(self):
        while True:
            try:
                browser, _ = self._listener.accept()
            except OSError:
                return
            connection = _Connection(self, browser, socket.create_connection(self._target))
            for pump in (connection.requests, connection.answers):
                threading.Thread(target=pump, daemon=True).start()


class _Connection:
    def __init__(self, proxy, browser, host):
        self._proxy = proxy
        self._browser = browser
        self._host = host
        self._cut = None

    def requests(self):
        left = None
        first = True
        try:
            while data := self._browser.recv(65536):
                if first:
                    first = False
                    if cut := self._proxy.take(data):
                        self._cut, left = cut, cut.after
                    # Chromium itself repeats a request that fails on a connection used before, unseen by FilePond;
                    # so each connection carries one request.
                    data = data.replace(b"Connection: keep-alive\r\n", b"Connection: close\r\n", 1)
                if left is not None:
                    data = data[:left]
                    left -= len(data)
                self._host.sendall(data)
                if left == 0:
                    self._cut.done.set()
                    if not self._cut.stall:
                        break
        except OSError:
            pass
        self._end()

    def answers(self):
        try:
            while data := self._host.recv(65536):
                if self._cut is not None and self._cut.after is None:
                    self._cut.done.set()
                    break
                self._browser.sendall(data)
        except OSError:
            pass
        self._end()

    def _end(self):
        for side in (self._browser, self._host):
            try:
                side.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            side.close()
