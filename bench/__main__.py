"""``python -m bench``, or ``make bench``: what to measure, and over how much."""

from __future__ import annotations

import click

from bench import mail, memory, pages, redirect, reports, servers, starts, statement
from bench.redirect import Effort

rounds_option = click.option("--rounds", default=5, show_default=True)
seconds_option = click.option("--seconds", default=4.0, show_default=True, help="of each round")


class Numbers(click.ParamType):
    name = "numbers"

    def convert(self, value: object, param: object, ctx: object) -> list[int]:
        return [int(float(word)) for word in str(value).split(",") if word]


@click.group()
def main() -> None:
    """Measure the product as ratios to floors of the same run; see docs/performance.md."""


@main.command("redirect")
@rounds_option
@seconds_option
@click.option("--connections", default=32, show_default=True)
@click.option("--warm", default=1.0, show_default=True, help="seconds before the first round")
@click.option(
    "--clicks", type=Numbers(), default="1000,100000", show_default=True, help="stored, 1e7 for ten million"
)
@click.option("--links", type=Numbers(), default="100,100000", show_default=True, help="1e6 for a million")
def redirect_command(
    rounds: int, seconds: float, connections: int, warm: float, clicks: list[int], links: list[int]
) -> None:
    """Clicks beside a constant view and plain WSGI; then over stored clicks and links."""
    effort = Effort(rounds, seconds, connections, warm)
    redirect.beside_floors(effort)
    if clicks:
        redirect.over_clicks(clicks, effort)
    if links:
        redirect.over_links(links, effort)


@main.command("pages")
@click.option("--times", default=30, show_default=True)
def pages_command(times: int) -> None:
    """Pages and forms beside a bare page of as many statements."""
    with servers.programme("pages", **pages.SETTINGS) as own:
        pages.measure(own, times)


@main.command("statement")
@click.option("--rows", default=50_000, show_default=True)
@click.option("--partners", default=200, show_default=True)
def statement_command(rows: int, partners: int) -> None:
    """A network's month by CSV, new rows and then their approvals."""
    with servers.programme("statement") as own:
        if not statement.measure(own, rows, partners):
            raise SystemExit(1)


@main.command("reports")
@click.option("--clicks", type=Numbers(), default="1e7", show_default=True)
def reports_command(clicks: list[int]) -> None:
    """Pages that read clicks, over very many of them."""
    with servers.programme("reports") as own:
        if not reports.measure(own, clicks[0]):
            raise SystemExit(1)


@main.command("mail")
@click.option("--recipients", default=5_000, show_default=True)
def mail_command(recipients: int) -> None:
    """Deliveries a second of one worker beside a bare loop of requests."""
    mail.measure(recipients)


@main.command("starts")
@click.option("--rounds", default=7, show_default=True)
def starts_command(rounds: int) -> None:
    """Starts of a web process and of commands."""
    with servers.programme("starts") as own:
        starts.measure(own.environ, rounds)


@main.command("all")
@click.pass_context
def all_command(ctx: click.Context) -> None:
    """All but “memory” and “reports”, which take their time."""
    for command in (redirect_command, pages_command, mail_command, starts_command):
        ctx.invoke(command, **{one.name: one.get_default(ctx) for one in command.params if one.name})


@main.command("memory")
@click.option("--minutes", default=60.0, show_default=True)
def memory_command(minutes: float) -> None:
    """What ``serve`` holds idle, after a minute of mixed load, and after many."""
    memory.measure(minutes)


if __name__ == "__main__":
    main()
