"""The doors of the networks: POST, and a signed GET where a setting allows the one GET that writes."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Blueprint, Response, json, request
from flask.typing import ResponseReturnValue

from contentflow.config import settings
from contentflow.core import clock
from contentflow.core.db import db, transaction
from contentflow.core.errors import Refused
from contentflow.earnings import amounts, conversions, networks, reports, signature
from contentflow.earnings.models import Network
from contentflow.earnings.refusals import NotSigned, ReportTooLong, WrongReport
from contentflow.web import limits
from contentflow.web.admission import open_post
from contentflow.web.security import client_hash

bp = Blueprint("postback", __name__, url_prefix="/postback")
MOST_BYTES = 16 * 1024
IN_QUERY = b"&signature="


@bp.post("/<name>")
@open_post
def report(name: str) -> ResponseReturnValue:
    body = request.get_data()
    if len(body) > MOST_BYTES:
        raise ReportTooLong
    network = _signed(name, request.headers.get(signature.HEADER, ""), request.path, body)
    return _record(network, _fields(body))


@bp.get("/<name>")
@open_post
def report_by_get(name: str) -> ResponseReturnValue:
    """Answer 401 unless ``NETWORK_<NAME>_ALLOW_GET`` is true, as if the signature were wrong."""
    if not networks.may_use_get(name) or request.method != "GET":
        raise NotSigned
    query, header = request.query_string, request.headers.get(signature.HEADER)
    if not header:
        query, _, in_query = query.partition(IN_QUERY)
        header = in_query.decode("latin-1")
    network = _signed(name, header, f"{request.path}?".encode() + query, b"")
    return _record(network, _fields_of_query(query))


@bp.errorhandler(Refused)
def refuse(refusal: Refused) -> Response:
    """Machines read JSON: the sentence stands in ``error``."""
    response = _json({"error": str(refusal.message)}, refusal.status)
    if refusal.retry_after_seconds is not None:
        response.headers["Retry-After"] = str(refusal.retry_after_seconds)
    return response


def _signed(name: str, header: str, path: str | bytes, body: bytes) -> Network:
    """Return the network that signed; an unknown one is refused in the same words as a wrong signature.

    Only refusals use up the limit: a network that reports its whole day at once is welcome.
    """
    network = networks.find_network(name)
    secret = networks.secret_of(network) if network else "nobody's secret, for the same time"
    now = int(clock.now().timestamp())
    if not signature.is_signed(secret, header, now, request.method, path, body) or network is None:
        _count_refusal(name)
        raise NotSigned
    return network


def _count_refusal(name: str) -> None:
    key = client_hash(f"postback {name[:64]}")
    limits.take("postback", key, settings().postback_refused_per_minute, limits.MINUTE)


def _fields(body: bytes) -> dict[str, object]:
    try:
        return amounts.read_json(body)
    except amounts.WrongAmount as error:
        raise WrongReport(str(error)) from None


def _fields_of_query(query: bytes) -> dict[str, object]:
    """Read what was signed and nothing else of the address."""
    try:
        return amounts.read_query(query)
    except amounts.WrongAmount as error:
        raise WrongReport(str(error)) from None


def _record(network: Network, fields: Mapping[str, object]) -> Response:
    report = reports.read_report(fields, clock.now())
    network_id = network.id
    with transaction():
        again = db.session.get_one(Network, network_id)
        conversion_id = conversions.record_conversion(again, report).id
    return _json({"id": conversion_id})


def _json(content: dict[str, str], status: int = 200) -> Response:
    return Response(json.dumps(content) + "\n", status, mimetype="application/json")
