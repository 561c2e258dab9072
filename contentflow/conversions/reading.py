"""The bytes that a network sends become its own fields: query, form, JSON, or JSON in a form field. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any, Final

from contentflow.conversions import amounts
from contentflow.conversions.amounts import OtherNumber, WrongAmount

MAX_QUERY = 8 * 1024
MAX_BODY = 64 * 1024  # Awin's report lists every product of a sale.
MAX_VALUE = 4_096
MAX_LEAVES = 2_000
FORM: Final = "application/x-www-form-urlencoded"


def read_fields(query: bytes, body: bytes, content_type: str, json_field: str | None) -> dict[str, str]:
    """Return what query and body say, each field once; raises ``WrongAmount``.

    The body's kind is told by its first character where the header is wrong: many networks send JSON as a
    form, or a form as ``text/plain``.
    """
    fields = {name: str(value) for name, value in amounts.read_query(query).items()}
    told: dict[str, str] = {}
    if content_type.partition(";")[0].strip().lower() == "multipart/form-data":
        told = _of_parts(body, content_type) if body.strip() else {}
    elif body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"["):
        told = _flat(amounts.read_json(body))
    elif body.strip():
        told = {name: str(value) for name, value in amounts.read_query(body.strip()).items()}
    for name, value in told.items():
        if name in fields:
            raise WrongAmount(f"{name[:80]} stands in the address and in the body")
        fields[name] = value
    if json_field and json_field in fields:
        inner = _flat(amounts.read_json(fields.pop(json_field).encode()))
        if twice := fields.keys() & inner.keys():
            raise WrongAmount(f"{min(twice)[:80]} stands twice")
        fields |= inner
    return fields


def _of_parts(body: bytes, content_type: str) -> dict[str, str]:
    head = f"Content-Type: {content_type}\r\n\r\n".encode("latin-1", "replace")
    message = BytesParser(policy=HTTP).parsebytes(head + body)
    fields: dict[str, str] = {}
    for part in message.iter_parts():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        if not isinstance(name, str) or not isinstance(content, bytes) or len(fields) >= amounts.MAX_FIELDS:
            raise WrongAmount("the form cannot be read")
        if name in fields:
            raise WrongAmount(f"{name[:80]} stands twice")
        try:
            fields[name] = content.decode()
        except UnicodeDecodeError:
            raise WrongAmount(f"{name[:80]} is not UTF-8") from None
    return fields


def _flat(found: Mapping[str, Any]) -> dict[str, str]:
    fields: dict[str, str] = {}
    for name, value in _leaves(found, ""):
        if name in fields:
            raise WrongAmount(f"{name[:80]} stands twice")
        if len(fields) >= MAX_LEAVES:
            raise WrongAmount(f"the JSON has more than {MAX_LEAVES} fields")
        fields[name] = value
    return fields


def _leaves(value: object, name: str) -> Iterator[tuple[str, str]]:
    """Yield (dotted name, text) of everything that holds no other thing; null is as if it were not there."""
    waiting = [(name, value)]  # No recursion: a thousand levels are a few kilobytes.
    while waiting:
        name, value = waiting.pop()
        if isinstance(value, Mapping):
            waiting += [(f"{name}.{key}" if name else str(key), inner) for key, inner in value.items()]
        elif isinstance(value, list):
            waiting += [(f"{name}.{number}", inner) for number, inner in enumerate(value)]
        elif isinstance(value, OtherNumber):
            yield name, value.text
        elif isinstance(value, bool):
            yield name, str(value).lower()
        elif value is not None:
            text = str(value)
            if len(text) > MAX_VALUE or re.search("[\ud800-\udfff]", text):
                raise WrongAmount(f"{name[:80]} is no text, or longer than {MAX_VALUE} characters")
            yield name, text
