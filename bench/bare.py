"""The floors: the least that any answer, any Flask view, any page of so many statements costs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from flask import Flask, Response, render_template_string
from flask.typing import ResponseReturnValue
from sqlalchemy import Column, Integer, MetaData, String, Table, insert, select

from contentflow.config import Settings
from contentflow.core.db import db, init_database, transaction

PAGE = "<!doctype html><html lang=fr><title>Bare</title><h1>Bare</h1><p>{{ reads }} statements</p></html>"
BARE = Table("bench_bare", MetaData(), Column("id", Integer, primary_key=True), Column("words", String(100)))
LOCATION = "https://nova.example.com/?c=0123456789abcdefghijkl"

constant = Flask(__name__)


@constant.get("/l/<code>")
def follow(code: str) -> ResponseReturnValue:
    return Response(status=302, headers={"Location": LOCATION})


def plain(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    start_response("302 FOUND", [("Location", LOCATION), ("Content-Length", "0")])
    return [b""]


def pages(settings: Settings) -> Flask:
    """An application with one page, ``/<reads>/<writes>``, that makes so many statements of one row each.

    ``writes`` are the numbers of rows of each, such as ``1,1,200``; they are made in one transaction.
    """
    app = Flask("bare")
    app.config["CONTENTFLOW"] = settings
    init_database(app)

    @app.route("/<int:reads>/<writes>", methods=["GET", "POST"])
    def page(reads: int, writes: str) -> str:
        if writes == "0":
            _read(reads)
        else:
            with transaction():
                _read(reads)
                for rows in writes.split(","):
                    db.session.execute(insert(BARE), [{"words": "a row"}] * int(rows))
        return render_template_string(PAGE, reads=reads)

    return app


def _read(times: int) -> None:
    for _ in range(times):
        db.session.execute(select(BARE).where(BARE.c.id == 1)).first()
