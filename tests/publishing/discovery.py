"""Google's static description of the YouTube API, as its own client ships it, and what breaks it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from tests.publishing.node_process import PEERS

PYTHON = PEERS / ".venv" / "bin" / "python"
_KINDS = {
    "string": str,
    "boolean": bool,
    "integer": int,
    "number": (int, float),
    "array": list,
    "object": dict,
}
_FORMATS = {
    "uint64": re.compile(r"[0-9]{1,20}"),
    "int64": re.compile(r"-?[0-9]{1,19}"),
    "date-time": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)"),
}


@cache
def document() -> dict[str, Any]:
    (found,) = (PEERS / ".venv").glob(
        "lib/*/site-packages/googleapiclient/discovery_cache/documents/youtube.v3.json"
    )
    return dict(json.loads(found.read_text()))


def method(resource: str, name: str) -> dict[str, Any]:
    return dict(document()["resources"][resource]["methods"][name])


def faults(schema: str | dict[str, Any], value: Any, place: str = "") -> Iterator[str]:
    """Say where ``value`` is not as the schema has it; what the schema does not name is a fault as well."""
    told = document()["schemas"][schema] if isinstance(schema, str) else schema
    if "$ref" in told:
        yield from faults(told["$ref"], value, place)
        return
    kind = told["type"]
    if kind != "any" and (
        not isinstance(value, _KINDS[kind]) or (isinstance(value, bool) and kind != "boolean")
    ):
        yield f"{place}: no {kind}"
    elif "enum" in told and value not in told["enum"]:
        yield f"{place}: {value!r} is not among {told['enum']}"
    elif told.get("format") in _FORMATS and not _FORMATS[told["format"]].fullmatch(str(value)):
        yield f"{place}: {value!r} is no {told['format']}"
    elif kind == "array":
        for number, one in enumerate(value):
            yield from faults(told["items"], one, f"{place}[{number}]")
    elif kind == "object":
        for name, one in value.items():
            known = told.get("properties", {}).get(name) or told.get("additionalProperties")
            if known is None:
                yield f"{place}.{name}: unknown"
            else:
                yield from faults(known, one, f"{place}.{name}")


def _typed(kind: str, text: str) -> Any:
    """Return what stands in a query as the kind it should be; text where it is none."""
    is_other = (kind == "integer" and text.isdigit()) or (kind == "boolean" and text in ("true", "false"))
    return json.loads(text) if is_other else text


def query_faults(told: dict[str, Any], query: dict[str, str]) -> Iterator[str]:
    """Say what a method's query holds that it does not know, or lacks what it needs."""
    known = {**document()["parameters"], **told["parameters"]}
    for name, value in query.items():
        if name not in known:
            yield f"{name}: unknown"
        else:
            yield from faults(known[name], _typed(known[name]["type"], value), name)
    for name, one in told["parameters"].items():
        if one.get("required") and name not in query:
            yield f"{name}: missing"
