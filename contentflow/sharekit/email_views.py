"""Mail the kit: judge the addresses, show the very mail, send within the cap, take back, look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from flask import Response, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import format_decimal
from flask_babel import gettext as _

from contentflow.config import settings
from contentflow.contacts import services as contacts
from contentflow.core.db import transaction
from contentflow.core.errors import TooMany
from contentflow.mailing.standing import SenderPaused
from contentflow.partners.sessions import current_partner
from contentflow.sharekit import emails, quota, sends
from contentflow.sharekit.forms import EmailForm
from contentflow.sharekit.views import bp
from contentflow.web.access import partner_required
from contentflow.web.htmx import announce, go_to, is_htmx, render
from contentflow.web.language import language
from contentflow.web.limits import MINUTE, take
from contentflow.web.security import FRAME_CSP


@bp.get("/byop/email")
@partner_required
def email_page() -> ResponseReturnValue:
    planned = emails.plan(current_partner().id, request.args.get("id", ""), emails.Audience())
    return _form_page(EmailForm(), planned)


@bp.post("/byop/email/check")
@partner_required
def email_check() -> ResponseReturnValue:
    """Judge the addresses as they are typed; nothing is sent and nothing used up."""
    form, partner_id = EmailForm(), current_partner().id
    planned = emails.plan(partner_id, request.form.get("sid", ""), form.read())
    if not is_htmx():
        return _form_page(form, planned)
    left = quota.remaining(partner_id, planned.due_at)
    return render("sharekit/verdicts.html", form=form, planned=planned, alone=True, **left)


@bp.post("/byop/email/plan")
@partner_required
def email_plan() -> ResponseReturnValue:
    """Who would get it, who not and why, and what is left that day; nothing is written."""
    form, partner_id = EmailForm(), current_partner().id
    take("email", partner_id, settings().email_per_minute, MINUTE)
    planned = emails.plan(partner_id, request.form.get("sid", ""), form.read())
    is_right = not form.emails.errors and not form.at.errors and planned.has_good_address
    if not is_right:
        form.judge(planned)
        return _form_page(form, planned, 422)
    left = quota.remaining(partner_id, planned.due_at)
    return render("sharekit/plan.html", form=form, planned=planned, **left)


@bp.get("/byop/email/preview")
@partner_required
def email_preview() -> ResponseReturnValue:
    mail = emails.preview(current_partner(), request.args.get("id", ""), language())
    return Response(mail.html, headers={"Content-Security-Policy": FRAME_CSP})


@bp.post("/byop/email")
@partner_required
def email() -> ResponseReturnValue:
    form, partner, submission_id = EmailForm(), current_partner(), request.form.get("sid", "")
    take("email", partner.id, settings().email_per_minute, MINUTE)
    audience = form.read()
    if form.is_trimming:  # Nothing is sent, and the addresses put aside are not lost.
        planned = emails.plan(partner.id, submission_id, audience)
        if form.emails.errors:
            return _form_page(form, planned, 422)
        aside = form.trim(planned)
        kept = replace(form.read(), tags=(), contacts=())  # They stand among the addresses now.
        return _form_page(form, emails.plan(partner.id, submission_id, kept), aside=aside)
    nonce = emails.nonce_of(form.nonce.data, audience, form.reply_to.data)
    try:
        with transaction():
            planned = emails.plan(partner.id, submission_id, audience, nonce)
            is_right = form.judge(planned)
            if is_right:
                send_id = quota.send_within_cap(partner, planned, language(), nonce, form.reply_to.data)
    except (TooMany, SenderPaused) as refusal:
        # The answer is the form itself: why nothing leaves, or over the cap the offer to keep those who fit.
        response = _form_page(form, emails.plan(partner.id, submission_id, audience), 429)
        response.headers["Retry-After"] = str(refusal.retry_after_seconds)
        return response
    return _show_result(submission_id, send_id) if is_right else _form_page(form, planned, 422)


def _show_result(submission_id: str, send_id: str) -> ResponseReturnValue:
    """The result has an address of its own: a reload, a bookmark and Back show it again."""
    here = url_for("sharekit.kit", id=submission_id, send=send_id) + "#email"
    if not is_htmx():
        return go_to(here)
    partner_id = current_partner().id
    result = sends.send_result(partner_id, send_id)
    recent = sends.recent_sends(partner_id, submission_id, emails.RECENT)
    context = {"sid": submission_id, "result": result, "recent": recent, **quota.remaining(partner_id)}
    response = render("sharekit/email_card.html", **context)
    response.headers.update({"HX-Replace-Url": here, "HX-Retarget": "#email", "HX-Reswap": "outerHTML"})
    return announce(response, "mailed")


@bp.get("/byop/mails")
@partner_required
def mails() -> ResponseReturnValue:
    number = request.args.get("page", 1, type=int)
    sid, chosen = request.args.get("id", ""), request.args.get("state", "")
    found = emails.mail_list(current_partner().id, sid, chosen, number)
    here = url_for("sharekit.mails", id=found.post.id)
    every = {"text": _("Tous"), "href": here, "current": not found.chosen, "channel": "all"}
    tabs = [every] + [
        {
            "text": f"{words} {format_decimal(count)}",
            "href": url_for("sharekit.mails", id=found.post.id, state=name),
            "current": found.chosen == name,
            "channel": name,
        }
        for name, words, count in found.filters
    ]
    return render("sharekit/mails.html", mails=found, tabs=tabs)


@bp.get("/byop/email/result")
@partner_required
def email_result() -> ResponseReturnValue:
    partner_id = current_partner().id
    result = sends.send_result(partner_id, request.args.get("send", ""))
    if is_htmx():
        return render("sharekit/email_result.html", result=result, **quota.remaining(partner_id))
    return redirect(url_for("sharekit.kit", id=result.submission_id, send=result.send_id) + "#email", 303)


@bp.post("/byop/email/cancel")
@partner_required
def cancel_email() -> ResponseReturnValue:
    send_id = request.form.get("send", "")
    with transaction():
        submission_id = emails.cancel(current_partner().id, send_id)
    return _show_result(submission_id, send_id)


def _form_page(
    form: EmailForm, planned: emails.SharePlan, status: int = 200, aside: Sequence[str] = ()
) -> Response:
    partner_id = current_partner().id
    context = {"form": form, "planned": planned, "sid": planned.post.id, "answered": status, "aside": aside}
    left = quota.remaining(partner_id, planned.due_at)
    return render("sharekit/email.html", status, book_tags=contacts.all_tags(partner_id), **context, **left)
