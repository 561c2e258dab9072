"""A partner's accounts: which there are, connect one, come back from its platform, disconnect it."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request, url_for
from flask.typing import ResponseReturnValue

from contentflow.core.db import transaction
from contentflow.partners.sessions import current_partner, session_token
from contentflow.publishing import accounts, administration, connecting, hosts
from contentflow.publishing.platforms import SPOKEN
from contentflow.publishing.sentences import connect_reason
from contentflow.web.access import partner_required
from contentflow.web.htmx import go_to, render

bp = Blueprint("accounts", __name__, url_prefix="/partner/accounts")


@bp.get("")
@partner_required
def page() -> ResponseReturnValue:
    return _page()


def _page(status: int = 200, **more: Any) -> Response:
    partner_id, request_id = current_partner().id, request.args.get("request", "")
    progress = connecting.progress(partner_id, request_id) if request_id else None
    context: dict[str, Any] = {"error": None, "typed": "", "platform": "mastodon", **more}
    return render(
        "publishing/accounts.html",
        status,
        accounts=accounts.list_accounts(partner_id),
        platforms=[one for one in administration.list_platforms() if one["platform"] in SPOKEN],
        progress=progress,
        why=connect_reason(progress.request.reason) if progress else "",
        **context,
    )


@bp.post("/connect")
@partner_required
def connect() -> ResponseReturnValue:
    platform, typed = request.form.get("platform", ""), request.form.get("host", "")[:400]
    try:
        with transaction():
            asked = connecting.ask(current_partner().id, session_token(), platform, typed)
            request_id = asked.id
    except hosts.NoHost as refusal:
        return _page(refusal.status, error=refusal.message, typed=typed, platform=platform)
    return go_to(url_for("accounts.page", request=request_id) + "#request")


@bp.get("/callback/<platform>")
@partner_required
def callback(platform: str) -> ResponseReturnValue:
    """The one GET that changes something: it takes what the platform sent back with the browser, once."""
    sent = {name: request.args.get(name, "") for name in ("state", "code", "error", "iss")}
    with transaction():
        found = connecting.come_back(current_partner().id, session_token(), platform, **sent)
        request_id = found.id
    response = go_to(url_for("accounts.page", request=request_id) + "#request")
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


@bp.post("/disconnect")
@partner_required
def disconnect() -> ResponseReturnValue:
    with transaction():
        accounts.disconnect(current_partner().id, request.form.get("account", ""))
    return go_to(url_for("accounts.page"))
