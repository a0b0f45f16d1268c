"""How long a host with many uploads takes from its start to its first answer; a part of `make soak`.

The catalog is filled with RECOVERY_UPLOADS (100000, and again with ten times as many) stored uploads and 1000 that a stop
left half way: 500 that were being stored, some of which had arrived, and 500 that were being sent. The targets are 5 s for
100,000 and 15 s for 1,000,000, with at most 128 MiB of memory.
"""

import argparse
import os
import pathlib
import sqlite3
import subprocess
import sys
import tempfile
import time

from soak import FORM, TOKEN, Client, Host, Wrong, form

UPLOADS = int(os.environ.get("RECOVERY_UPLOADS", "100000"))
UNFINISHED = 1000
TARGETS = {100_000: 5, 1_000_000: 15}
MEMORY = 128 << 20
DIGITS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def identifier(number):
    """An upload's id: 22 digits of base 57 that say a number of 128 bits."""
    number += 57 ** 20
    digits = []
    for _ in range(22):
        number, digit = divmod(number, 57)
        digits.append(DIGITS[digit])
    return "".join(reversed(digits))


def columns(database, row):
    return dict(zip([name for _, name, *_ in database.execute("PRAGMA table_info(uploads)")], row))


def fill(directory, count):
    """Fills the catalog with uploads like those that a client has just made, and makes the files of the unfinished."""
    database = sqlite3.connect(directory / "data/fphost.db")
    models = {
        row["state"]: row
        for row in (columns(database, row) for row in database.execute("SELECT * FROM uploads"))}
    stored, complete, receiving = models["stored"], models["complete"], models["receiving"]
    names = ", ".join(stored)
    marks = ", ".join(":" + name for name in stored)
    staging, media = directory / "data/staging", directory / "data/media"
    with database:
        def add(model, number, **changes):
            row = {**model, "number": 1000 + number, "id": identifier(number), **changes}
            database.execute(f"INSERT INTO uploads ({names}) VALUES ({marks})", row)
            return row

        for number in range(count - UNFINISHED):
            key = f"files/{number}.bin"
            add(stored, number, key=key)
            database.execute("INSERT INTO paths VALUES (?, ?, ?)", ("media", key, 1000 + number))
        for number in range(count - UNFINISHED, count - UNFINISHED // 2):
            id = identifier(number)
            key, target = f"{id}.file", f"unfinished/{number}.bin"
            row = add(
                complete, number, state="storing", key=key, destination_store="media", destination_key=target)
            database.execute("INSERT INTO paths VALUES (?, ?, ?)", ("media", target, row["number"]))
            place = staging / key if number % 2 else media / target
            place.parent.mkdir(exist_ok=True)
            place.write_bytes(b"x" * row["size"])
        for number in range(count - UNFINISHED // 2, count):
            add(receiving, number, session_token=receiving["session_token"][:-1] + os.urandom(8))
    database.close()


def prepare(host):
    """One upload of each kind, as clients make them."""
    client = Client(host.port)

    def process(body, headers):
        status, reply, _ = client.request("POST", "/fp/process/", body, FORM | headers)
        if status != 200:
            raise Wrong(f"process was answered {status}: {reply}")
        return reply.decode()

    process(form(("a.bin", b"x" * 100)), {})
    process(form(), {"Upload-Length": "100"})
    status, reply = client.api("POST", "/" + process(form(("b.bin", b"x" * 100)), {}) + "/store", {"path": "b.bin"})
    if status != 200:
        raise Wrong(f"store was answered {status}: {reply}")


def measure(program, count):
    with tempfile.TemporaryDirectory(prefix="fphost-recovery-") as name:
        directory = pathlib.Path(name)
        host = Host(program, directory)
        try:
            prepare(host)
            if host.stop() != 0:
                raise Wrong("the host did not end well")
            fill(directory, count)
            begun = time.monotonic()
            host.start()
            seconds = time.monotonic() - begun
            states = {
                state: len(Client(host.port).api("GET", f"?state={state}&limit=1000")[1]["uploads"])
                for state in ("storing", "receiving", "complete")}
            memory = host.memory()
        finally:
            host.kill()
    expected = {"storing": 0, "receiving": UNFINISHED // 2 + 1, "complete": UNFINISHED // 4 + 1}
    if states != expected:
        raise Wrong(f"after the start there are {states}, and not {expected}")
    return seconds, memory


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", required=True)
    program = str(pathlib.Path(parser.parse_args().host).resolve())
    for count in (UPLOADS, 10 * UPLOADS):
        seconds, memory = measure(program, count)
        target = f" (targets {TARGETS[count]} s and {MEMORY >> 20} MiB)" if count in TARGETS else ""
        print(
            f"recovery: {count} uploads, {UNFINISHED} of them unfinished: first answer after {seconds:.2f} s, "
            f"{memory >> 20} MiB{target}", flush=True)


if __name__ == "__main__":
    try:
        main()
    except Wrong as wrong:
        sys.exit(f"recovery: {wrong}")
