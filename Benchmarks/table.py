"""The one table of the benchmark: servers beside each other on each line, then what stands alone."""

import dataclasses
import typing

from client import Failed
from settings import MIB

COLUMNS = "{:<24} {:<12} {:>7} {:>7} {:>11} {:>7} {:>9} {:>8} {:>8} {:>8}  {}"


@dataclasses.dataclass(frozen=True)
class Target:
    """`figure` is made of the medians of fphost and of those of the server that the ratios refer to, None if absent."""

    name: str
    limit: float
    figure: typing.Callable
    at_least: bool = False
    unit: str = " x"

    def verdict(self, own, base):
        figure = self.figure(own, base)
        sign = ">=" if self.at_least else "<="
        if figure is None:
            return f"{self.name} {sign} {self.limit:g}{self.unit}: not measured"
        met = figure >= self.limit if self.at_least else figure <= self.limit
        return f"{self.name} {figure:.3g} {sign} {self.limit:g}{self.unit}: {'met' if met else 'MISSED'}"


def ratio(name, own, base):
    return own[name] / base[name] if own and base and base.get(name) else None


def relative(label, name, limit, at_least=False):
    return Target(label, limit, lambda own, base: ratio(name, own, base), at_least)


class Table:
    def __init__(self):
        print(COLUMNS.format(
            "line", "server", "rate/x", "CPU/x", "rate", "CPU s", "p50 ms", "p99 ms", "1st byte", "peak MiB", "targets"))
        print("-" * 140, flush=True)

    def line(self, name, unit, figures, targets=()):
        """`figures` are medians, or why there are none, by server; ratios are to the first."""
        base = next(iter(figures.values()))
        base = None if isinstance(base, Failed) else base
        for server, own in figures.items():
            if isinstance(own, Failed):
                print(COLUMNS.format(name, server, *[""] * 8, f"not measured: {str(own)[-300:]}"), flush=True)
            else:
                verdicts = [each.verdict(own, base) for each in targets] if server == "fphost" else []
                print(COLUMNS.format(
                    name, server, shown(ratio("rate", own, base), "{:.2f}"), shown(ratio("cpu", own, base), "{:.2f}"),
                    f"{own['rate']:.0f} {unit}" if own["rate"] >= 1 else "-", f"{own['cpu']:.2f}", f"{own['p50']:.2f}",
                    shown(own["p99"] if own["p99"] != own["p50"] else None, "{:.2f}"), shown(own.get("first"), "{:.3f}"),
                    f"{own['peak'] / MIB:.0f}", "; ".join(verdicts)).rstrip(), flush=True)
            name = ""

    def row(self, name, target, figure, met, remark=""):
        """A figure of fphost alone, or one whose `remark` says what it is compared with."""
        verdict = "met" if met else "MISSED"
        print(f"{name:<50} {figure:>13}  {target}: {verdict}   {remark}".rstrip(), flush=True)

    def absent(self, name, failure):
        print(f"{name:<50} {'':>13}  not measured: {str(failure)[-300:]}", flush=True)


def shown(value, form):
    return "-" if value is None else form.format(value)
