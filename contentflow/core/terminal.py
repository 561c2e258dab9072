"""What all commands share: ``--json``, a sentence and exit status 1 for a refusal."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from typing import Any

import click
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from contentflow import unseen
from contentflow.core.errors import Refused

Command = Callable[..., Any]


def command(group: click.Group, name: str) -> Callable[[Command], Command]:
    """Add a command that returns what it has to say: a dict, a list of dicts, or None.

    A dict of one value prints that value alone, longer ones a line a key; ``--json`` prints JSON.
    """

    def add(act: Command) -> Command:
        @functools.wraps(act)
        def run(as_json: bool, **arguments: Any) -> None:
            try:
                answer = act(**{name: _as_typed(value) for name, value in arguments.items()})
            except Refused as refusal:
                raise click.ClickException(str(refusal.message)) from None
            if answer is not None:
                click.echo(written(answer, as_json))

        option = click.option("--json", "as_json", is_flag=True, help="print JSON")
        wrapped: Command = group.command(name)(option(run))
        return wrapped

    return add


def _as_typed(value: Any) -> Any:
    """Return what was pasted into a terminal without the marks around it that nobody sees."""
    return unseen.trimmed(value) if isinstance(value, str) and not value.isascii() else value


def written(answer: Any, as_json: bool) -> str:
    return json.dumps(answer, ensure_ascii=False) if as_json else in_words(answer)


def in_words(answer: Any) -> str:
    if isinstance(answer, list):
        return "\n".join("\t".join(str(value) for value in row.values()) for row in answer)
    if isinstance(answer, dict) and len(answer) == 1:
        return str(next(iter(answer.values())))
    if isinstance(answer, dict):
        return "\n".join(f"{key}: {value}" for key, value in answer.items())
    return str(answer)


def without_database(error: SQLAlchemyError) -> str:
    """Say on one line what the database answered, without the values of any row."""
    said = (
        str(error.orig).strip().partition("\n")[0] if isinstance(error, DBAPIError) else type(error).__name__
    )
    return f"The database refuses ({said}): see DATABASE_URL, or run “contentflow db upgrade”."
