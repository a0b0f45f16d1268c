"""What the environment says about a run of the benchmark."""

import os
import pathlib

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30
ROOT = pathlib.Path(__file__).resolve().parents[1]

# A look in two minutes: a quarter of the sizes, three runs instead of five, and only the peers that targets name.
QUICK = os.environ.get("QUICK", "") not in ("", "0")
SCALE = float(os.environ.get("BENCH_SCALE", "0.25" if QUICK else "1"))
RUNS = 3 if QUICK else 5
# Where the data goes: a directory on a disk, and one in memory.
DISK = pathlib.Path(os.environ.get("BENCH_DIRECTORY", ROOT / ".build/bench")).resolve()
MEMORY = pathlib.Path(os.environ.get("BENCH_MEMORY", "/dev/shm")).resolve() / f"fphost-bench-{os.getpid()}"


def scaled(size):
    return max(MIB, int(size * SCALE))


def shown(size):
    for unit, name in ((GIB, "GiB"), (MIB, "MiB"), (KIB, "KiB")):
        if size >= unit:
            return f"{size / unit:.4g} {name}"
    return f"{size} bytes"


def rate(size, seconds):
    return f"{size / seconds / 1e6:.0f} MB/s"
