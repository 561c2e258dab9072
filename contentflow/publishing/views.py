"""A post's publications: what each platform will show, when it goes, what waits for the partner's hand."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from flask import Blueprint, Response, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import format_date

from contentflow.core.db import transaction
from contentflow.core.errors import NotFound, Refused
from contentflow.partners.sessions import current_partner
from contentflow.publishing import confirming, creators, forms, handover, platforms, services, wall_clock
from contentflow.publishing.models import Assignment
from contentflow.publishing.sentences import PRIVACIES, STATES, TONES, number_words, reason_sentence
from contentflow.web.access import partner_required
from contentflow.web.htmx import go_to, render
from contentflow.web.language import language

bp = Blueprint("publishing", __name__)


@bp.app_template_global()
def publications_of(submission_id: str) -> Sequence[Assignment]:
    """For the kit: where a post is, and what is planned."""
    return [one for one in services.assignments_of(submission_id) if one.state != "cancelled"]


@bp.app_template_global()
def publishing_outlook(partner_id: str) -> services.Outlook:
    return services.outlook(partner_id)


@bp.app_template_filter()
def wall_time(at: datetime, zone: str) -> str:
    """Return “sam. 5 déc., 09:30” as clocks of that zone show it."""
    local = at.astimezone(wall_clock.zone_of(zone))
    day = format_date(local.date(), "EEE d MMM yyyy")
    return f"{day}, {local:%H:%M}"


@bp.app_template_filter()
def platform_title(name: str) -> str:
    return platforms.title_of(name)


@bp.app_template_global()
def publication_words() -> dict[str, Any]:
    return {
        "states": STATES,
        "tones": TONES,
        "reason": reason_sentence,
        "numbers": number_words,
        "shown_in": wall_clock.shown_in,
        "moment": datetime.fromisoformat,
        "can_delete": lambda platform: platforms.PLATFORMS[platform].can_delete,
    }


@bp.get("/byop/publish")
@partner_required
def page() -> ResponseReturnValue:
    return _page(request.args.get("id", ""), request.args.get("what", "clip"))


def _page(sid: str, what: str, status: int = 200, refusal: Refused | None = None) -> Response:
    found = services.page(current_partner().id, sid, what)
    given = forms.typed(request.form if refusal else None)
    max_age = creators.AGAIN if refusal else creators.OPENED
    response = render(
        "publishing/page.html",
        status,
        shown=found,
        typed=given,
        creators=creators.answers(found.plans, found.accounts, max_age),
        refusal=refusal,
        zones=wall_clock.ZONES,
        privacies=PRIVACIES,
    )
    if refusal is not None and refusal.retry_after_seconds:
        response.headers["Retry-After"] = str(refusal.retry_after_seconds)
    return response


@bp.post("/byop/publish")
@partner_required
def confirm() -> ResponseReturnValue:
    order = forms.order_of(request.form, language())
    try:
        with transaction():
            made = confirming.confirm(current_partner().id, order)
            by_hand = [one.id for one in made if one.state == "needs_hand"]
    except NotFound:
        raise
    except Refused as refusal:  # The page itself answers, with all that was typed and what is new.
        try:
            return _page(order.sid, order.what, refusal.status, refusal)
        except NotFound:  # A post that was withdrawn has no such page any more.
            raise refusal from None
    if len(by_hand) == 1 and len(made) == 1:
        return go_to(url_for("publishing.hand", assignment=by_hand[0]))
    return go_to(url_for("publishing.page", id=order.sid) + "#publications")


@bp.get("/byop/publish/status")
@partner_required
def status() -> ResponseReturnValue:
    found = services.page(current_partner().id, request.args.get("id", ""))
    return render("publishing/status.html", shown=found)


@bp.get("/byop/publish/hand")
@partner_required
def hand() -> ResponseReturnValue:
    return _hand_page(request.args.get("assignment", ""))


def _hand_page(assignment_id: str, status: int = 200, refusal: Refused | None = None) -> Response:
    found = handover.hand_over(current_partner().id, assignment_id)
    return render(
        "publishing/hand.html", status, hand=found, refusal=refusal, url=request.form.get("url", "")
    )


@bp.post("/byop/publish/answer")
@partner_required
def answer() -> ResponseReturnValue:
    sent, partner_id = request.form, current_partner().id
    try:
        with transaction():
            row = services.answer(
                partner_id, sent.get("assignment", ""), sent.get("there") == "yes", sent.get("url", "")
            )
            sid = row.submission_id
    except services.NoUrl as refusal:
        return _hand_page(sent.get("assignment", ""), refusal.status, refusal)
    return _back_to(sid)


@bp.post("/byop/publish/move")
@partner_required
def move() -> ResponseReturnValue:
    sent = request.form
    with transaction():
        row = services.move(
            current_partner().id,
            sent.get("assignment", ""),
            sent.get("at", "")[:40],
            sent.get("zone", "")[:64],
        )
        sid = row.submission_id
    return _back_to(sid)


@bp.post("/byop/publish/cancel")
@partner_required
def cancel() -> ResponseReturnValue:
    with transaction():
        sid = services.cancel(current_partner().id, request.form.get("assignment", "")).submission_id
    return _back_to(sid)


@bp.post("/byop/publish/delete")
@partner_required
def delete() -> ResponseReturnValue:
    with transaction():
        sid = services.delete(current_partner().id, request.form.get("assignment", "")).submission_id
    return _back_to(sid)


def _back_to(submission_id: str) -> ResponseReturnValue:
    return go_to(url_for("publishing.page", id=submission_id) + "#publications")
