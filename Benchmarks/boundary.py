"""What the host costs before the first upload: its start, and its boundary with plugins."""

import json
import statistics
import subprocess

from servers import FPHost
from settings import GIB, MIB, ROOT, scaled


def measure_start(table, program, directory, _):
    times = []
    for _ in range(10):
        with FPHost(program, directory) as host:
            times.append(host.seconds_to_answer * 1000)
    median = statistics.median(times)
    remark = f"median of 10, {min(times):.0f} to {max(times):.0f}"
    table.row("start to first answered request", "< 200 ms", f"{median:.0f} ms", median < 200, remark)


def measure_boundary(table, program, directory, _):
    """The contract's own cost: a plugin that discards, through the host's pool."""
    library = directory / "libDiscard.so"
    subprocess.run(
        ["cc", "-std=gnu11", "-O2", "-fPIC", "-shared", "-fvisibility=hidden", "-I", ROOT / "Sources/FPPluginAPI/include",
         "-o", library, ROOT / "Benchmarks/discard.c"], check=True)
    library.chmod(0o755)
    output = subprocess.run(
        [program, "plugin", "bench", library, "--json", "--size", str(scaled(8 * GIB) // MIB)], check=True,
        capture_output=True, text=True).stdout
    figures = json.loads(output)
    load, call = figures["load_milliseconds"], figures["microseconds_per_call"]
    table.row("loading and checking a plugin", "< 20 ms", f"{load:.1f} ms", load < 20)
    for name in ("write", "read"):
        rate = figures[f"{name}_gibibytes_per_second"]
        remark = f"256 KiB a call; a call that does nothing: {call:.1f} us"
        table.row(f"plugin that discards: {name}", ">= 4 GiB/s", f"{rate:.1f} GiB/s", rate >= 4, remark)
