"""The lines of the table that every server can be put to: what one run of each does, whatever the server is."""

import dataclasses
import statistics
import time

from client import Failed
from loader import load, touch_memory
from settings import GIB, KIB, MIB, SCALE, scaled


@dataclasses.dataclass(frozen=True)
class Line:
    """`size` is that of an upload, `count` how many there are in a run, `connections` over how many; a download is of the
    first `part` bytes, if that is given."""

    kind: str
    size: int
    count: int = 1
    connections: int = 1
    chunk: int = 0
    part: int = 0

    def run(self, server, number):
        """The figures of one run; `number` counts the runs of this line on this server.

        They are `rate` (uploads/s if they are small, else MB/s), `cpu` (seconds of the server), `p50`, `p99` and `last`
        (ms, of uploads, of chunks or of downloads), `peak` (bytes, since the server's start), `client` (CPU seconds of
        the load generator) and, of downloads, `first` (ms to the first byte).
        """
        if self.kind == "get":
            server.file(self.size, self._copy(number))
        else:
            touch_memory(min(self.size * self.count + 64 * MIB, 6 * GIB))
        server.settle()
        before = server.cpu_seconds()
        answer = getattr(self, f"_{self.kind}")(server, number)
        # What a server does after its last answer is a part of its cost.
        time.sleep(0.05)
        figures = {
            "rate": answer["rate"] if self.kind == "small" else answer["mb_per_second"],
            "cpu": server.cpu_seconds() - before, "p50": answer["p50_ms"], "p99": answer["p99_ms"],
            "last": answer["last_ms"], "peak": server.peak_memory(), "client": answer["client_cpu"]}
        if "first_byte_p50_ms" in answer:
            figures["first"] = answer["first_byte_p50_ms"]
        if self.kind in ("large", "chunks"):
            server.remove(answer, number)
        return figures

    def _small(self, server, number):
        return load(
            "small", server.port, *server.upload, "--size", self.size, "--count", self.count, "--conn",
            self.connections, "--first", number * self.count)

    def _large(self, server, number):
        return load("large", server.port, *server.upload, "--size", self.size, "--first", number)

    def _chunks(self, server, number):
        # A server without chunks takes the same bytes in one body.
        if not server.chunks:
            return self._large(server, number)
        return load("chunks", server.port, *server.chunks, "--size", self.size, "--chunk", self.chunk)

    def _crowd(self, server, number):
        return load(
            "crowd", server.port, *server.upload, "--size", self.size, "--count", self.count, "--first",
            number * self.count)

    @staticmethod
    def _copy(number):
        """Two files in turns: the pages that a file happens to lie in make its downloads faster or slower."""
        return number % 2

    def _get(self, server, number):
        part = ("--range", f"0-{self.part - 1}") if self.part else ()
        return load("get", server.port, "--path", server.file(self.size, self._copy(number)), "--count", self.count, *part)

    def _store(self, server, number):
        """The application's claim of an upload; the upload itself is not timed."""
        id = load("large", server.port, *server.upload, "--size", self.size, "--first", number)["id"]
        return load("call", server.port, *server.claim(id, f"stored-{number}.bin"))


def counted(count):
    return max(100, int(count * SCALE))


LINES = {
    "post": Line("large", scaled(GIB)),
    "chunks5": Line("chunks", scaled(GIB), chunk=5 * MIB),
    "chunks1": Line("chunks", scaled(GIB), chunk=MIB),
    "get": Line("get", scaled(GIB)),
    "first": Line("get", scaled(GIB), count=counted(400), part=64 * KIB),
    "small64": Line("small", 10 * KIB, count=counted(20000), connections=64),
    "small8": Line("small", 10 * KIB, count=counted(12000), connections=8),
    "small1": Line("small", 10 * KIB, count=counted(4000)),
    "store": Line("store", scaled(GIB)),
    "crowd": Line("crowd", scaled(50 * MIB), count=300),
    "last": Line("chunks", scaled(5 * GIB), chunk=5_000_000),
}


def turns(servers, line, runs):
    """Runs the line on each of the servers in turns; for each a list of its runs' figures. In the place of a server that
    did not start may be its failure, which is then what it has; one that fails later takes no further part."""
    figures = [server if isinstance(server, Failed) else [] for server in servers]
    for number in range(runs):
        for index, server in enumerate(servers):
            if not isinstance(figures[index], Failed):
                try:
                    figures[index].append(line.run(server, number))
                except Failed as failure:
                    figures[index] = failure
    return figures


def medians(runs):
    return {name: statistics.median(run[name] for run in runs) for name in runs[0]}
