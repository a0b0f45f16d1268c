"""The load generator: load.c, built once for each content of it."""

import json
import pathlib
import subprocess

from client import Failed

SOURCE = pathlib.Path(__file__).resolve().with_name("load.c")
PROGRAM = SOURCE.parents[1] / ".build/bench-tools/load"


def build():
    if not PROGRAM.exists() or PROGRAM.stat().st_mtime < SOURCE.stat().st_mtime:
        PROGRAM.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cc", "-O2", "-Wall", "-Wextra", "-o", PROGRAM, SOURCE], check=True)


def load(command, port, *options):
    """What `load COMMAND` measured, as a dictionary."""
    words = [PROGRAM, command, "--port", str(port), *map(str, options)]
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=900, errors="replace")
    except subprocess.TimeoutExpired:
        raise Failed(f"load {command} took more than 900 s")
    if done.returncode != 0:
        raise Failed(f"load {command}: {done.stderr.strip()[-500:]}")
    return json.loads(done.stdout)


def touch_memory(size):
    """Makes the machine have this much memory: a virtual machine may have given free memory back to its host, and
    getting it again is slower than any disk."""
    subprocess.run([PROGRAM, "touch", "--size", str(size)], check=True)
