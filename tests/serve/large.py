"""An application that reads what is sent and answers with as much as is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qs


def app(environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
    got = 0
    while chunk := environ["wsgi.input"].read(65_536):
        got += len(chunk)
    size = int(parse_qs(environ["QUERY_STRING"]).get("size", ["0"])[0])
    start_response("200 OK", [("Content-Type", "text/plain"), ("X-Got", str(got))])
    return [b"x" * 65_536] * (size // 65_536) or [str(got).encode()]
