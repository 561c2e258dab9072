"""The redirect with its durable click, beside a constant Flask view and a plain WSGI answer.

The same server, the same settings, the same requests, rounds in turn; then the redirect alone over more and
more stored clicks, and over more and more links.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import cycle, islice
from statistics import median

from bench.load import Load
from bench.servers import (
    GRANIAN,
    GUNICORN,
    Programme,
    Round,
    Server,
    has_granian,
    measure,
    programme,
    serving,
)

ASKED_OF_MANY = 200_000


@dataclass(frozen=True)
class Effort:
    rounds: int
    seconds: float
    connections: int = 32
    warm_seconds: float = 1.0


def beside_floors(effort: Effort) -> dict[str, dict[str, float]]:
    """Print, and return by server, the ratios of gunicorn, and of Granian where it is installed."""
    found = {"gunicorn": _beside_floors("gunicorn", GUNICORN, effort)}
    if has_granian():
        found["granian"] = _beside_floors("granian", GRANIAN, effort)
    else:
        print("granian: not measured, it is not installed (pip install granian)")
    return found


def _beside_floors(name: str, command: list[str], effort: Effort) -> dict[str, float]:
    with programme("clicks") as own, ExitStack() as stack:
        servers = [
            stack.enter_context(serving("/l/<code>", "wsgi:app", own.environ, command, own)),
            stack.enter_context(serving("Flask view", "bench.bare:constant", own.environ, command)),
            stack.enter_context(serving("plain WSGI", "bench.bare:plain", own.environ, command)),
        ]
        codes = own.codes()
        rounds = in_turn(servers, effort, lambda server: [f"/l/{code}" for code in codes], is_zipf=True)
    print(f"\n{name}, {effort.connections} connections, {effort.rounds} rounds of {effort.seconds:g} s")
    print(f"{'':12}{'a second':>10}{'p50 ms':>9}{'p99 ms':>9}{'cpu ms':>9}{'behind s':>10}{'load busy':>11}")
    for server in servers:
        print(line(server.name, rounds[server.name]))
    ours, view, plain = (rounds[server.name] for server in servers)
    ratios = {
        "cpu of the Flask view": ratio(ours, view, lambda one: one.cost_ms),
        "rate of plain WSGI": ratio(ours, plain, lambda one: one.outcome.rate),
        "p99 of plain WSGI": ratio(ours, plain, lambda one: one.outcome.p99),
    }
    print("  ".join(f"{what} × {value:.2f}" for what, value in ratios.items()), flush=True)
    return ratios


def over_clicks(sizes: Sequence[int], effort: Effort) -> list[float]:
    """Print the rate over each number of stored clicks; return each as a ratio to the first."""
    with ExitStack() as stack:
        own = [stack.enter_context(programme(f"{size} clicks", clicks=size)) for size in sizes]
        return _curve(own, effort, stack, {one.name: one.codes() for one in own})


def over_links(sizes: Sequence[int], effort: Effort) -> list[float]:
    """As ``over_clicks``, over numbers of links, asked for by Zipf's law, as posts are seen."""
    with ExitStack() as stack:
        own = [stack.enter_context(programme(f"{size} links", links=size)) for size in sizes]
        codes = {one.name: one.codes()[:ASKED_OF_MANY] for one in own}
        # The load draws from a list of the same length everywhere, or what that costs would be the links'.
        length = max(map(len, codes.values()))
        drawn = {name: list(islice(cycle(those), length)) for name, those in codes.items()}
        return _curve(own, effort, stack, drawn)


def _curve(
    own: list[Programme], effort: Effort, stack: ExitStack, codes: dict[str, list[str]]
) -> list[float]:
    servers = [stack.enter_context(serving(one.name, "wsgi:app", one.environ, GUNICORN, one)) for one in own]
    rounds = in_turn(
        servers, effort, lambda server: [f"/l/{code}" for code in codes[server.name]], is_zipf=True
    )
    print()
    first, ratios = rounds[servers[0].name], []
    for server in servers:
        ratios.append(ratio(rounds[server.name], first, lambda one: one.outcome.rate))
        print(f"{line(server.name, rounds[server.name], 20)}   rate × {ratios[-1]:.2f}", flush=True)
    return ratios


def in_turn(
    servers: Sequence[Server], effort: Effort, paths_of: Callable[[Server], list[str]], is_zipf: bool
) -> dict[str, list[Round]]:
    """Measure each server once a round, each round beginning with another one; a first one only warms up."""
    rounds: dict[str, list[Round]] = {server.name: [] for server in servers}
    for number in range(effort.rounds + 1):
        begin = number % len(servers)
        for server in (*servers[begin:], *servers[:begin]):
            seconds = effort.seconds if number else effort.warm_seconds
            task = Load(server.port, paths_of(server), seconds, effort.connections, is_zipf)
            measured = measure(server, task)
            if number:
                rounds[server.name].append(measured)
    return rounds


def ratio(ours: list[Round], theirs: list[Round], figure: Callable[[Round], float]) -> float:
    """Return the median, over the rounds, of one figure as a ratio to another's of the same round."""
    return median(figure(one) / figure(other) for one, other in zip(ours, theirs, strict=True))


def line(name: str, rounds: list[Round], width: int = 12) -> str:
    outcomes = [one.outcome for one in rounds]
    figures = (
        (median(one.rate for one in outcomes), "10.0f"),
        (median(one.p50 for one in outcomes), "9.2f"),
        (median(one.p99 for one in outcomes), "9.2f"),
        (median(one.cost_ms for one in rounds), "9.3f"),
        (median(one.behind_seconds for one in rounds), "10.2f"),
        (median(one.busy for one in outcomes), "11.2f"),
    )
    return f"{name:{width}}" + "".join(f"{value:{form}}" for value, form in figures)
