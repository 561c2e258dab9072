"""Mail the kit: judge the addresses, show the very mail, send within the cap, take back, look."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import Response, redirect, request, url_for
from flask.typing import ResponseReturnValue

from contentflow.config import settings
from contentflow.core.db import transaction
from contentflow.core.errors import TooMany
from contentflow.mailing import services as mailing
from contentflow.mailing.addresses import Parsed
from contentflow.partners.sessions import current_partner
from contentflow.sharekit import emails, quota, services
from contentflow.sharekit.forms import EmailForm
from contentflow.sharekit.views import bp
from contentflow.web.admission import partner_required
from contentflow.web.htmx import go_to, is_htmx, render
from contentflow.web.language import language
from contentflow.web.limits import MINUTE, take
from contentflow.web.security import FRAME_CSP


@bp.get("/byop/email")
@partner_required
def email_page() -> ResponseReturnValue:
    planned = emails.plan(current_partner().id, request.args.get("id", ""), [])
    return _form_page(EmailForm(), planned)


@bp.post("/byop/email/check")
@partner_required
def email_check() -> ResponseReturnValue:
    """Judge the addresses as they are typed; nothing is sent and nothing used up."""
    form = EmailForm()
    planned = emails.plan(current_partner().id, request.form.get("sid", ""), form.read())
    if is_htmx():
        return render(
            "sharekit/verdicts.html",
            form=form,
            planned=planned,
            alone=True,
            **quota.places(current_partner().id),
        )
    return _form_page(form, planned)


@bp.get("/byop/email/preview")
@partner_required
def email_preview() -> ResponseReturnValue:
    partner = current_partner()
    kit = services.kit(partner.id, request.args.get("id", ""))
    mail = mailing.preview_share(emails.words_of(partner, kit), language(), kit.submission.id)
    return Response(mail.html, headers={"Content-Security-Policy": FRAME_CSP})


@bp.post("/byop/email")
@partner_required
def email() -> ResponseReturnValue:
    form, partner, submission_id = EmailForm(), current_partner(), request.form.get("sid", "")
    take("email", partner.id, settings().email_per_minute, MINUTE)
    parsed = form.read()
    if form.keep.data and form.keep.data > 0:
        return _trimmed(form, submission_id, parsed)
    nonce = emails.nonce_of(form.nonce.data, parsed, form.reply_to.data)
    try:
        with transaction():
            planned = emails.plan(partner.id, submission_id, parsed, nonce)
            is_right = form.judge(planned)
            send_id = planned.send_id if is_right else None
            if send_id is None and is_right:
                if planned.recipients:
                    quota.take_places(partner.id, planned.recipients)
                send_id = emails.send(partner, planned, language(), nonce, form.reply_to.data)
    except TooMany as refusal:
        # Over the cap the answer is the form itself, with the offer to keep those who fit.
        return _over_cap(form, submission_id, refusal)
    if send_id is None:
        return _form_page(form, planned, 422)
    return _show_result(submission_id, send_id)


def _show_result(submission_id: str, send_id: str) -> ResponseReturnValue:
    """The result has an address of its own: a reload, a bookmark and Back show it again."""
    here = url_for("sharekit.kit", id=submission_id, send=send_id) + "#email"
    if not is_htmx():
        return go_to(here)
    response = render("sharekit/email_card.html", **_sent(send_id))
    response.headers.update({"HX-Replace-Url": here, "HX-Retarget": "#email", "HX-Reswap": "outerHTML"})
    response.headers["HX-Trigger-After-Settle"] = "mailed"
    return response


def _sent(send_id: str) -> dict[str, Any]:
    """What the card of a send shows: its result, and the others."""
    partner_id = current_partner().id
    result = mailing.send_result(partner_id, send_id)
    recent = mailing.recent_sends(partner_id, result.submission_id, emails.RECENT)
    return {"sid": result.submission_id, "result": result, "recent": recent, **quota.places(partner_id)}


def _trimmed(form: EmailForm, submission_id: str, parsed: Sequence[Parsed]) -> ResponseReturnValue:
    """Show the form with the first addresses alone; nothing is sent, and those put aside are not lost."""
    partner_id = current_partner().id
    planned = emails.plan(partner_id, submission_id, parsed)
    if form.emails.errors:
        return _form_page(form, planned, 422)
    aside = form.trim(planned)
    form.keep.data = None
    return _form_page(form, emails.plan(partner_id, submission_id, form.read()), aside=aside)


@bp.get("/byop/mails")
@partner_required
def mails() -> ResponseReturnValue:
    number = request.args.get("page", 1, type=int)
    sid, chosen = request.args.get("id", ""), request.args.get("state", "")
    return render("sharekit/mails.html", mails=emails.mail_list(current_partner().id, sid, chosen, number))


@bp.get("/byop/email/result")
@partner_required
def email_result() -> ResponseReturnValue:
    send_id = emails.send_named(request.args.get("send", ""))
    if is_htmx():
        return _result(send_id)
    result = mailing.send_result(current_partner().id, send_id)
    return redirect(url_for("sharekit.kit", id=result.submission_id, send=send_id) + "#email", 303)


@bp.post("/byop/email/cancel")
@partner_required
def cancel_email() -> ResponseReturnValue:
    send_id = emails.send_named(request.form.get("send", ""))
    with transaction():
        submission_id = emails.cancel(current_partner().id, send_id)
    return _show_result(submission_id, send_id)


def _over_cap(form: EmailForm, submission_id: str, refusal: TooMany) -> Response:
    planned = emails.plan(current_partner().id, submission_id, form.read())
    response = _form_page(form, planned, 429)
    response.headers["Retry-After"] = str(refusal.retry_after_seconds)
    return response


def _form_page(
    form: EmailForm, planned: emails.Plan, status: int = 200, aside: Sequence[str] = ()
) -> Response:
    context = {"form": form, "planned": planned, "kit": planned.kit, "answered": status, "aside": aside}
    return render("sharekit/email.html", status, **context, **quota.places(current_partner().id))


def _result(send_id: str) -> Response:
    partner_id = current_partner().id
    result = mailing.send_result(partner_id, send_id)
    return render("sharekit/email_result.html", result=result, **quota.places(partner_id))
