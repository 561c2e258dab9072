"""The networks: their secrets, when each was last used, what they reported, and a call to try."""

from __future__ import annotations

from flask import request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user

from contentflow.console import board
from contentflow.console.pages import actor, bp, done, reason
from contentflow.conversions import attribution, networks, reports, trying
from contentflow.conversions.errors import SecretWouldEnd
from contentflow.conversions.models import Network
from contentflow.core import audit
from contentflow.core.db import transaction
from contentflow.core.ids import new_id
from contentflow.partners.roles import Permission
from contentflow.web.access import permission_required
from contentflow.web.htmx import render


@bp.get("/networks", endpoint="networks")
@permission_required(Permission.SEE_NETWORKS)
def show_networks() -> ResponseReturnValue:
    return _page()


@bp.post("/networks/add")
@permission_required(Permission.MANAGE_NETWORKS, stepped_up=True)
def add_network() -> ResponseReturnValue:
    with transaction():
        network, secret = networks.add_network(request.form.get("name", "").strip(), actor())
        name = network.name
    return _page(secret=secret, name=name)


@bp.post("/networks/rotate")
@permission_required(Permission.MANAGE_NETWORKS, stepped_up=True)
def rotate_network() -> ResponseReturnValue:
    """A third secret stops one that still signs: it is asked for apart, by who saw which."""
    ends = request.form.get("ends", "")
    try:
        with transaction():
            network = _network()
            secret, name = networks.rotate_secret(network, actor(), reason(), ends=ends), network.name
    except SecretWouldEnd as refusal:
        return _page(third=_network(), refusal=refusal)
    return _page(secret=secret, name=name)


@bp.post("/networks/end")
@permission_required(Permission.MANAGE_NETWORKS, stepped_up=True)
def end_secret() -> ResponseReturnValue:
    """Let the secret before sign no more."""
    with transaction():
        network = _network()
        networks.end_secret_before(network, actor(), reason())
        said = _("C’est fait : l’ancien secret de %(name)s ne signe plus.", name=network.name)
    return done(said, "console.networks", **_filter())


@bp.post("/networks/retire")
@permission_required(Permission.MANAGE_NETWORKS, stepped_up=True)
def retire_network() -> ResponseReturnValue:
    with transaction():
        network = _network()
        networks.retire(network, actor(), reason())
        said = _("C’est fait : %(name)s est retiré.", name=network.name)
    return done(said, "console.networks", **_filter())


@bp.post("/networks/try")
@permission_required(Permission.MANAGE_NETWORKS, stepped_up=True)
def try_network() -> ResponseReturnValue:
    """A signed call of a sale of 10 €: whoever runs it makes a conversion, so it is noted who asked."""
    with transaction():
        network = _network()
        fields = {
            "transaction": f"TEST-{new_id()[:8]}",
            "type": "sale",
            "click_id": attribution.newest_click() or "",
            "amount_cents": 1_000,
            "currency": "EUR",
        }
        call, name = trying.signed_call(network, fields), network.name
        audit.note(actor(), "network.try", network.id, after={"transaction": fields["transaction"]})
    return _page(name=name, call=call)


def _filter() -> dict[str, str]:
    """Return the filter that an act was pressed in."""
    state = request.args.get("state", "")
    return {"state": state} if state else {}


def _network() -> Network:
    return networks.get_network(request.form.get("network", ""))


def _page(
    secret: str = "", name: str = "", call: str = "", third: Network | None = None,
    refusal: SecretWouldEnd | None = None,
) -> ResponseReturnValue:  # fmt: skip
    """``name``: the network that was just acted on; its last reports, or those of the one asked for.

    ``third``: the network whose next secret stops one; who may make it is asked whether it shall.
    """
    state = request.args.get("state", "")
    asked = networks.find_network(request.args.get("network", "") or (name if call else ""))
    may_ask = request.args.get("ask") == "third" and current_user.may(Permission.MANAGE_NETWORKS)
    if asked and may_ask and asked.retired_at is None:
        third, asked = asked, None
    mark = networks.ending_mark(third) if third else ""
    last = reports.list_last(asked) if asked else []
    found = board.networks_of(state, networks.list_networks())
    return render(
        "console/networks.html",
        refusal.status if refusal else 200,
        networks=found,
        ends={one.id: networks.before_ends_at(one) for one in found if networks.is_rotating(one)},
        secret=secret,
        name=name,
        call=call,
        state=state,
        asked=asked,
        last=last,
        third=third if mark else None,
        mark=mark,
        error=str(refusal.message) if refusal else "",
    )
