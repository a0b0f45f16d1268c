"""What a disk may hold after a loss of power, from what recorder.c wrote down.

The model is the strictest that POSIX allows where it matters, and that of a file system with a journal beside it:

- *kept*: every change so far is there, as after kill -9.
- *lost*: only what was flushed is there: of a file its bytes at its last fsync or fdatasync, of a directory its names at its
  last fsync. A move from one directory to another is one step, as every file system with a journal makes it.
- *torn*: changes of names survive in their order up to some moment after the last flush, and of the bytes that were not
  flushed, each page by chance.
"""

import os
import pathlib
import struct

ENTRY = struct.Struct("<IIQQQQII")
WRITE, TRUNCATE, SYNC, CREATE, NAMELESS, LINK, RENAME, UNLINK, ATTRIBUTE = range(1, 10)
PAGE = 4096


class File:
    def __init__(self):
        self.bytes = bytearray()
        self.attributes = {}
        self.flushed = (b"", {})
        self.is_dirty = False

    def flush(self):
        if self.is_dirty:
            self.flushed = (bytes(self.bytes), dict(self.attributes))
            self.is_dirty = False

    def kept(self):
        return bytes(self.bytes), self.attributes

    def torn(self, random):
        """Some of its pages as they were flushed last, the others as they are now."""
        if not self.is_dirty or random.random() < 0.2:
            return self.flushed
        before, attributes = self.flushed
        ends = sorted([len(before), len(self.bytes)])
        length = random.choice([*ends, random.randint(*ends)])
        content = bytearray(length)
        for start in range(0, length, PAGE):
            source = self.bytes if random.random() < 0.5 else before
            piece = source[start:min(start + PAGE, length)]
            content[start:start + len(piece)] = piece
        return bytes(content), random.choice([attributes, self.attributes])


class Directory:
    def __init__(self):
        self.names = {}
        self.flushed = {}
        # Moves from or to here that no flush has reached yet.
        self.moves = []

    def flush(self):
        self.flushed = dict(self.names)
        for source, name, target, new_name, moved in self.moves:
            if source is self and target.names.get(new_name) is moved:
                target.flushed[new_name] = moved
            if target is self and source.flushed.get(name) is moved:
                del source.flushed[name]
            (target if source is self else source).moves = [
                move for move in (target if source is self else source).moves if move[4] is not moved]
        self.moves = []


class Disk:
    """The files below one directory, as a program has changed them so far."""

    def __init__(self, root):
        self._root = Directory()
        self._objects = {os.stat(root).st_ino: self._root}
        # Every change of a name, and how many of them came before the last flush of anything.
        self._changes = []
        self._settled = 0

    def apply(self, entry):
        op, flags, inode, number, directory, target, first, second = entry
        known = self._objects.get(inode)
        if op in (CREATE, NAMELESS):
            known = self._objects[inode] = Directory() if flags else File()
        if op in (CREATE, LINK):
            self._rename((self._objects.get(directory), first, known))
        elif op == RENAME:
            source, destination = self._objects.get(directory), self._objects.get(target)
            moved = source.names.get(first) if isinstance(source, Directory) else None
            self._rename((source, first, None), (destination, second, moved))
            if isinstance(destination, Directory) and moved is not None and source is not destination:
                for end in (source, destination):
                    end.moves.append((source, first, destination, second, moved))
        elif op == UNLINK:
            self._rename((self._objects.get(directory), first, None))
        elif op == SYNC and isinstance(known, Directory):
            known.flush()
            self._settled = len(self._changes)
        elif isinstance(known, File):
            if op == WRITE:
                if len(known.bytes) < number:
                    known.bytes.extend(bytes(number - len(known.bytes)))
                known.bytes[number:number + len(first)] = first
            elif op == TRUNCATE:
                known.bytes = known.bytes[:number] + bytes(max(0, number - len(known.bytes)))
            elif op == ATTRIBUTE:
                known.attributes[first] = second
            elif op == SYNC:
                known.flush()
                self._settled = len(self._changes)
                return
            known.is_dirty = True

    def _rename(self, *changes):
        """Puts files or directories at names, or takes names away, in one step."""
        # What lies outside of the root, and what was there before the recording, is not followed.
        changes = [change for change in changes if isinstance(change[0], Directory)]
        self._changes.append(changes)
        for directory, name, known in changes:
            self._put(directory.names, name, known)

    @staticmethod
    def _put(names, name, known):
        if known is None:
            names.pop(name, None)
        else:
            names[name] = known

    def write(self, path, kind, random):
        """Makes below `path` what a loss of power leaves now."""
        if kind == "kept":
            self._write(path, self._root, lambda directory: directory.names, File.kept)
        elif kind == "lost":
            self._write(path, self._root, lambda directory: directory.flushed, lambda file: file.flushed)
        else:
            names = {}
            for changes in self._changes[:random.randint(self._settled, len(self._changes))]:
                for directory, name, known in changes:
                    self._put(names.setdefault(directory, {}), name, known)
            self._write(path, self._root, lambda directory: names.get(directory, {}), lambda file: file.torn(random))

    def _write(self, path, directory, names, content):
        path.mkdir(exist_ok=True)
        for name, known in names(directory).items():
            child = path / os.fsdecode(name)
            if isinstance(known, Directory):
                self._write(child, known, names, content)
            else:
                held, attributes = content(known)
                child.write_bytes(held)
                for attribute, value in attributes.items():
                    os.setxattr(child, attribute, value)


class Recording:
    """The lines of a recorder, each with the place in the recording where it ends."""

    def __init__(self, path):
        self._bytes = pathlib.Path(path).read_bytes()
        self._position = 0

    def __iter__(self):
        while self._position + ENTRY.size <= len(self._bytes):
            *numbers, first, second = ENTRY.unpack_from(self._bytes, self._position)
            start = self._position + ENTRY.size
            self._position = start + first + second
            if self._position > len(self._bytes):
                return
            yield self._position, (
                *numbers, self._bytes[start:start + first], self._bytes[start + first:self._position])
