"""The kit, its log and QR code for the partner; the public page and the preview card for everybody."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, json, make_response, render_template, request, url_for
from flask.typing import ResponseReturnValue

from contentflow.byop.clip_form import ClipForm
from contentflow.config import settings
from contentflow.contacts import services as contacts
from contentflow.core.db import transaction
from contentflow.core.errors import NotFound
from contentflow.links.models import Link
from contentflow.links.sentences import CHANNEL_NAMES
from contentflow.partners.sessions import current_partner
from contentflow.sharekit import emails, quota, sends, services, variants
from contentflow.sharekit.forms import EmailForm
from contentflow.sharekit.kit import Kit, PublicPost
from contentflow.sharekit.qr import qr_png, qr_svg
from contentflow.sharekit.sentences import TEXT_TABS
from contentflow.web import access
from contentflow.web.access import partner_required
from contentflow.web.files import lend_media, send_media
from contentflow.web.htmx import announce, go_to, is_htmx, render
from contentflow.web.limits import MINUTE, take
from contentflow.web.security import client_hash

bp = Blueprint("sharekit", __name__)
NOINDEX = {"X-Robots-Tag": "noindex"}
# Mail programs in a browser and players of messengers show what is public from pages of their own.
EVERYWHERE = {"Cross-Origin-Resource-Policy": "cross-origin"}
QR_FORMATS = {"svg": (qr_svg, "image/svg+xml"), "png": (qr_png, "image/png")}
CARD_PICTURES = {
    "Publicité": "share/card-publicite.png",
    "Collaboration commerciale": "share/card-collaboration.png",
}


@bp.app_template_global()
def log_attributes(submission_id: str, channel: str, turn: str = "") -> dict[str, str]:
    """The attributes of a share control: what `share` fires is logged, and the counters move."""
    return {
        "data-channel": channel,
        "hx-post": url_for("sharekit.log"),
        "hx-vals": json.dumps({"sid": submission_id, "ch": channel} | ({"turn": turn} if turn else {})),
        "hx-trigger": "share",
        "hx-target": "#share-counters",
        "hx-swap": "outerHTML",
    }


@bp.get("/byop/kit")
@partner_required
def kit() -> ResponseReturnValue:
    found = services.kit(current_partner().id, request.args.get("id", ""))
    chosen = request.args.get("text", "copy")
    page = "sharekit/text.html" if is_htmx() and "text" in request.args else "sharekit/kit.html"
    if is_htmx() and request.args.get("part") == "due":
        page = "sharekit/due.html"
    return render(
        page,
        kit=found,
        clip_form=ClipForm.of(found.clip) if found.clip else None,
        names=CHANNEL_NAMES,
        tabs=TEXT_TABS,
        chosen=chosen if chosen in TEXT_TABS else "copy",
        **variants.proposed(found, request.args.get("proposal", "")),
        **_mail_card(found),
    )


def _mail_card(kit: Kit) -> dict[str, Any]:
    """The mail form, or what became of the send that the address names; nothing while it is off."""
    if not settings().can_mail_kits:
        return {"mails": False}
    partner_id, sid, send_id = current_partner().id, kit.submission.id, request.args.get("send")
    result = sends.send_result(partner_id, send_id, sid) if send_id else None
    form, planned = EmailForm(formdata=None), emails.SharePlan(kit.submission)
    recent = sends.recent_sends(partner_id, sid, emails.RECENT)
    shown = {"sid": sid, "form": form, "planned": planned, "result": result, "recent": recent}
    return {"mails": True, "book_tags": contacts.all_tags(partner_id), **shown, **quota.remaining(partner_id)}


@bp.post("/byop/log")
@partner_required
def log() -> ResponseReturnValue:
    partner_id, submission_id = current_partner().id, request.form.get("sid", "")
    with transaction():
        take("share-log", partner_id, settings().log_per_minute, MINUTE)
        sent = request.form
        services.record_share(partner_id, submission_id, sent.get("ch", ""), sent.get("turn", ""))
    if not is_htmx():
        return go_to(url_for("sharekit.kit", id=submission_id))
    found = services.kit(partner_id, submission_id)
    response = render(
        "sharekit/counters.html", kit=found, names=CHANNEL_NAMES, tabs=TEXT_TABS, chosen="copy", fresh=True
    )
    return announce(response, "pressed")


@bp.get("/byop/qr")
@partner_required
def qr() -> ResponseReturnValue:
    channel = request.args.get("ch", "qr")
    url = services.share_url(current_partner().id, request.args.get("id", ""), channel)
    kind = request.args.get("format", "svg")
    if kind not in QR_FORMATS:
        raise services.UnknownFormat
    draw, mimetype = QR_FORMATS[kind]
    place = "attachment" if "download" in request.args else "inline"
    headers = {"Content-Disposition": f'{place}; filename="contentflow-{channel}-{url[-7:]}.{kind}"'}
    return Response(draw(url), mimetype=mimetype, headers=headers)


@bp.get("/p/<code:code>")
@access.public
def public(code: str) -> ResponseReturnValue:
    post = services.find_public_post(code)
    if post is None:
        _count_unknown_code()
        raise NotFound
    return _page_for_anybody("sharekit/public.html", post)


def _count_unknown_code() -> None:
    # The same limit as of short links: all of them would tell which codes exist.
    take("unknown_code", client_hash("unknown_code"), settings().unknown_code_per_minute, MINUTE)


PUBLIC_FILES = {"clip.mp4": "clip", "poster.jpg": "poster", "cover.jpg": "cover", "captions.vtt": "vtt"}


@bp.get("/p/<code>/<any('clip.mp4', 'poster.jpg', 'cover.jpg', 'captions.vtt'):name>")
@access.public
def public_file(code: str, name: str) -> ResponseReturnValue:
    """A file of the approved clip, with ranges; what is not approved does not exist."""
    found = services.find_public_file(code, PUBLIC_FILES[name])
    if found is None:
        _count_unknown_code()
        raise NotFound
    path, kind = found
    lend = lend_media if name == "clip.mp4" else send_media
    response = lend(path, kind, max_age=0)
    response.headers.update(NOINDEX | EVERYWHERE)
    return response


def preview_card(link: Link) -> Response:
    """The answer of a short link to agents that draw a preview of it."""
    return _page_for_anybody("sharekit/link_preview.html", services.public_post_of(link))


def _page_for_anybody(page: str, post: PublicPost) -> Response:
    drawn = settings().public_base_url + url_for("static", filename=CARD_PICTURES[post.disclosure])
    picture = post.clip.poster if post.clip else drawn
    return make_response(render_template(page, post=post, picture=picture), 200, NOINDEX)
