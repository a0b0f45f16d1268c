"""Stands between OpenSSH's SFTP server and its client, and makes it behave like other servers.

Usage: sftp-filter.py QUIRKS SFTP_SERVER [ARGUMENT...], as the command of sshd's subsystem. QUIRKS, joined by commas:

short-reads       a READ is answered with 700 bytes at most, which the protocol allows
whole-reads       a READ of less than 32 KiB is answered with all that follows, as by lsh's server
no-extensions     no extension is announced or served, as by lsh's server
no-copy           copy-data is not announced or served, as by ProFTPD and by OpenSSH before 9.0
no-space          statvfs@openssh.com is announced and refused, as by MySecureShell
zero-space        statvfs@openssh.com is answered with noughts
no-times          setting times is refused, as by lsh's server
no-cuts           cutting a file to a length is refused, as by conch
empty-end         a listing ends with a list of no names
few-files         no more than 40 files are open at once
"""

import struct
import subprocess
import sys
import threading

QUIRKS = set(sys.argv[1].split(","))
LOCK = threading.Lock()
OPEN, CLOSE, READ, SETSTAT, FSETSTAT, READDIR, EXTENDED = 3, 4, 5, 9, 10, 12, 200
VERSION, STATUS, HANDLE, NAME = 2, 101, 102, 104
EOF, FAILURE, UNSUPPORTED = 1, 4, 8


def packets(stream):
    while True:
        head = stream.read(4)
        if len(head) < 4:
            return
        body = stream.read(struct.unpack(">I", head)[0])
        yield body[0], body[1:]


def send(stream, kind, body):
    with LOCK if stream is sys.stdout.buffer else threading.Lock():
        stream.write(struct.pack(">IB", len(body) + 1, kind) + body)
        stream.flush()


def string(body, place):
    length = struct.unpack_from(">I", body, place)[0]
    return body[place + 4 : place + 4 + length], place + 4 + length


def refuse(body, code, text):
    send(sys.stdout.buffer, STATUS, body[:4] + struct.pack(">II", code, len(text)) + text + struct.pack(">I", 0))


class Filter:
    def __init__(self, server):
        self.server = server
        self.opening = set()
        self.listing = set()
        self.files = 0

    def request(self, kind, body):
        """What becomes of a request; None if it is answered here."""
        if kind == READ and QUIRKS & {"short-reads", "whole-reads"}:
            length = struct.unpack(">I", body[-4:])[0]
            if "short-reads" in QUIRKS:
                length = min(length, 700)
            elif length < 32 << 10:
                length = 200 << 10
            return body[:-4] + struct.pack(">I", length)
        if kind == OPEN and "few-files" in QUIRKS:
            with LOCK:
                is_full = self.files + len(self.opening) >= 40
                if not is_full:
                    self.opening.add(body[:4])
            if is_full:
                return refuse(body, FAILURE, b"Too many open files")
        if kind == CLOSE:
            self.files -= 1
        if kind == READDIR:
            self.listing.add(body[:4])
        if kind in (SETSTAT, FSETSTAT):
            flags = struct.unpack_from(">I", body, string(body, 4)[1])[0]
            if ("no-times" in QUIRKS and flags & 8) or ("no-cuts" in QUIRKS and flags & 1):
                return refuse(body, UNSUPPORTED, b"Operation unsupported")
        if kind == EXTENDED:
            name = string(body, 4)[0]
            if "no-extensions" in QUIRKS or ("no-copy" in QUIRKS and name == b"copy-data"):
                return refuse(body, UNSUPPORTED, b"Operation unsupported")
            if name == b"statvfs@openssh.com" and "no-space" in QUIRKS:
                return refuse(body, FAILURE, b"Failure")
            if name == b"statvfs@openssh.com" and "zero-space" in QUIRKS:
                return send(sys.stdout.buffer, 201, body[:4] + bytes(88))
        return body

    def reply(self, kind, body):
        if kind == VERSION:
            place, kept = 4, body[:4]
            while place < len(body) and "no-extensions" not in QUIRKS:
                name, after = string(body, place)
                _, after = string(body, after)
                if not ("no-copy" in QUIRKS and name == b"copy-data"):
                    kept += body[place:after]
                place = after
            return kind, kept
        with LOCK:
            if body[:4] in self.opening:
                self.opening.discard(body[:4])
                self.files += kind == HANDLE
        if body[:4] in self.listing:
            self.listing.discard(body[:4])
            if "empty-end" in QUIRKS and kind == STATUS and struct.unpack_from(">I", body, 4)[0] == EOF:
                return NAME, body[:4] + struct.pack(">I", 0)
        return kind, body

    def run(self):
        threading.Thread(target=self.carry_requests, daemon=True).start()
        for kind, body in packets(self.server.stdout):
            send(sys.stdout.buffer, *self.reply(kind, body))

    def carry_requests(self):
        for kind, body in packets(sys.stdin.buffer):
            # The greeting has no id.
            passed = body if kind == 1 else self.request(kind, body)
            if passed is not None:
                send(self.server.stdin, kind, passed)
        self.server.stdin.close()


Filter(subprocess.Popen(sys.argv[2:], stdin=subprocess.PIPE, stdout=subprocess.PIPE)).run()
