"""The doors of the networks: signed, or with a token in the path, where GET writes, as most networks call."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from flask import Blueprint, Response, json, request
from flask.typing import ResponseReturnValue

from contentflow.config import settings
from contentflow.conversions import amounts, mapping, networks, payload, reading, reports, services
from contentflow.conversions.errors import (
    InvalidPayload,
    InvalidSignature,
    NetworkRetired,
    PayloadTooLong,
    WrongNetworkToken,
)
from contentflow.conversions.mapping import Report
from contentflow.conversions.models import Network
from contentflow.core import clock, signature
from contentflow.core.db import db, transaction
from contentflow.core.errors import Refused
from contentflow.web import limits
from contentflow.web.access import token_authenticated
from contentflow.web.errors import problem
from contentflow.web.security import client_hash
from contentflow.web.token_paths import HIDDEN, TOKEN

bp = Blueprint("postback", __name__, url_prefix="/postback")
MAX_BYTES = 16 * 1024  # A signed payload is a few hundred bytes; what is longer is no postback.
IN_QUERY = b"&signature="


@bp.post("/<name>")
@token_authenticated
def receive(name: str) -> ResponseReturnValue:
    body = _body(MAX_BYTES)
    signed = _signed(name, request.headers.get(signature.HEADER, ""), request.path, body)
    return _record_signed(signed, amounts.read_json, body)


@bp.get("/<name>")
@token_authenticated
def receive_by_get(name: str) -> ResponseReturnValue:
    """Answer 401 unless ``NETWORK_<NAME>_ALLOW_GET`` is true, as if the signature were wrong."""
    if not networks.may_use_get(name) or request.method != "GET":
        raise InvalidSignature
    query, header = request.query_string, request.headers.get(signature.HEADER)
    if not header:
        query, _, in_query = query.partition(IN_QUERY)
        header = in_query.decode("latin-1")
    signed = _signed(name, header, f"{request.path}?".encode() + query, b"")
    return _record_signed(signed, amounts.read_query, query)


@bp.route(f"/<name>/{HIDDEN}", methods=["GET", "POST"])
@token_authenticated
def receive_by_token(name: str) -> ResponseReturnValue:
    """The network's own fields, by its mapping; the token does not stand in the path any more."""
    network = networks.find_network(name)
    _refuse_retired(network)
    if not networks.is_token(network, request.environ.get(TOKEN, "")) or network is None:
        _take_refusal(name, network, "the token is wrong")
        raise WrongNetworkToken
    if request.method == "HEAD":
        return Response(mimetype="application/json")
    query, body = request.query_string, _body(reading.MAX_BODY)
    if len(query) > reading.MAX_QUERY:
        raise PayloadTooLong
    network_id, lines = network.id, network.mapping
    with _refusals_noted(network_id):
        content_type = request.headers.get("Content-Type", "")
        fields = reading.read_fields(query, body, content_type, lines.get("json_field"))
        return _record(network_id, mapping.read_report(lines, fields, clock.now()))


@bp.errorhandler(Refused)
def refuse(refusal: Refused) -> Response:
    """Machines read JSON: the sentence stands in ``error`` too, where networks look for it."""
    response = problem(refusal.status, str(refusal.message), error=str(refusal.message))
    if refusal.retry_after_seconds is not None:
        response.headers["Retry-After"] = str(refusal.retry_after_seconds)
    return response


@bp.after_request
def keep_to_yourself(response: Response) -> Response:
    """The address may hold a token: it goes to no other site and into no cache."""
    response.headers.update({"Referrer-Policy": "no-referrer", "Cache-Control": "no-store"})
    return response


def _body(max_bytes: int) -> bytes:
    body = request.get_data()  # What is over 64 kB was refused before it was read.
    if len(body) > max_bytes:
        raise PayloadTooLong
    return body


def _signed(name: str, header: str, path: str | bytes, body: bytes) -> tuple[Network, bool]:
    """Return the network that signed, and whether with its secret before.

    An unknown one is refused in the same words as a wrong signature.

    Only refusals use up the limit: a network that sends its whole day at once is welcome.
    """
    network = networks.find_network(name)
    _refuse_retired(network)
    secrets = networks.secrets_of(network) if network else ["nobody's secret, for the same time"]
    now = int(clock.now().timestamp())
    fits = [signature.is_signed(one, header, now, request.method, path, body) for one in secrets]
    if not any(fits) or network is None:
        _take_refusal(name, network, signature.why_not(header, now))
        raise InvalidSignature
    return network, not fits[0]


def _refuse_retired(network: Network | None) -> None:
    if network is not None and network.retired_at is not None:
        raise NetworkRetired


def _take_refusal(name: str, network: Network | None, why: str) -> None:
    """Use up some of the limit, and in the same commit note why, so that both take the same time."""
    network_id = network.id if network else None
    key = client_hash(f"postback {name[:64]}")
    with transaction():
        limits.take("postback", key, settings().postback_refused_per_minute, limits.MINUTE)
        reports.note_unsigned(network_id or "", why)


@contextmanager
def _refusals_noted(network_id: str) -> Iterator[None]:
    """Let ``network last`` and ``doctor`` know what is refused, and why."""
    try:
        yield
    except (amounts.WrongAmount, Refused) as error:
        refusal = error if isinstance(error, Refused) else InvalidPayload(str(error))
        with transaction():
            reports.note_refusal(network_id, str(refusal.message))
        raise refusal from None


def _record_signed(
    signed: tuple[Network, bool], read_fields: Callable[[bytes], Mapping[str, object]], sent: bytes
) -> Response:
    """Read what was signed and nothing else."""
    network_id, is_before = signed[0].id, signed[1]
    with _refusals_noted(network_id):
        report = payload.read_payload(read_fields(sent), clock.now())
        return _record(network_id, report, is_signed=True, is_before=is_before)


def _record(network_id: str, report: Report, *, is_signed: bool = False, is_before: bool = False) -> Response:
    """Answer with the conversion's id and state, once they are committed."""
    with transaction():
        network = db.session.get_one(Network, network_id)
        if is_signed:
            networks.note_use(network, is_before)
        recorded = services.record(network, report, is_signed=is_signed)
        reports.note(network_id, recorded)
        answer = {"id": recorded.conversion.id, "state": recorded.conversion.state}
    return Response(json.dumps(answer) + "\n", mimetype="application/json")
