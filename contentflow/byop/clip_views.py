"""The clip of a post: watch it being made, look at it, approve it, have it made again."""

from __future__ import annotations

from flask import Response, flash, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from contentflow.byop import clips, services
from contentflow.byop.clip_form import ClipForm
from contentflow.byop.views import bp
from contentflow.config import settings
from contentflow.core.db import transaction
from contentflow.partners import locks
from contentflow.partners import services as partners
from contentflow.partners.sessions import current_partner, is_seeing
from contentflow.web.access import partner_required
from contentflow.web.files import send_media
from contentflow.web.htmx import announce, go_to, is_htmx, render
from contentflow.web.limits import MINUTE, take


@bp.get("/status")
@partner_required
def status() -> ResponseReturnValue:
    submission_id = request.args.get("id", "")
    clip = clips.get_clip(current_partner().id, submission_id)
    if clip.is_busy and is_htmx() and not is_seeing():
        with transaction():
            clips.note_look(clip)
    response = _status_page(submission_id)
    if request.args.get("was") == "busy" and not clip.is_busy:
        return announce(response, "clip")
    return response


def _status_page(
    submission_id: str, form: ClipForm | None = None, code: int = 200, said: str = ""
) -> Response:
    clip = clips.get_clip(current_partner().id, submission_id)
    submission = services.get_submission(current_partner().id, submission_id)
    form = form.fit(clip) if form else ClipForm.of(clip)
    context = {"clip": clip, "post": submission, "clip_form": form, "said": said}
    return render("byop/status.html", code, swaps_state=is_htmx(), **context)


@bp.post("/approve")
@partner_required
def approve() -> ResponseReturnValue:
    partner_id, sid = current_partner().id, request.form.get("sid", "")
    with transaction():
        clips.approve_clip(partner_id, sid, request.form.get("render", ""))
    return _after(sid, _("C’est validé : ton clip se montre sur ta page publique."))


@bp.post("/withdraw")
@partner_required
def withdraw() -> ResponseReturnValue:
    partner_id, sid = current_partner().id, request.form.get("sid", "")
    with transaction():
        clips.withdraw_clip(partner_id, sid)
    return _after(sid, _("C’est retiré : plus personne d’autre que toi ne voit ton clip."))


@bp.post("/want-mail")
@partner_required
def want_mail() -> ResponseReturnValue:
    partner_id, sid = current_partner().id, request.form.get("sid", "")
    clips.get_clip(partner_id, sid)
    with transaction():
        locks.lock_active(partner_id)
        partners.want_clip_mails(partner_id, True)
    return _after(sid, _("C’est noté : si ça dure, un e-mail te prévient."))


@bp.post("/cover")
@partner_required
def cover() -> ResponseReturnValue:
    partner_id, sid, sent = current_partner().id, request.form.get("sid", ""), request.form
    with transaction():
        clips.choose_cover(partner_id, sid, sent.get("cover", ""), sent.get("render", ""))
    return _after(
        sid, _("C’est noté : cette image se montre avant ton clip et dans les aperçus de tes liens.")
    )


@bp.post("/retry")
@partner_required
def retry() -> ResponseReturnValue:
    partner_id, sid, form = current_partner().id, request.form.get("sid", ""), ClipForm()
    clip = clips.get_clip(partner_id, sid)
    if not form.validate():
        return _status_page(sid, form, 422)
    wanted = form.wanted(clip)
    with transaction():
        take("submit", partner_id, settings().submit_per_minute, MINUTE)
        is_at_work = clips.rerender_clip(partner_id, sid, wanted, request.form.get("was", ""))
    return _after(sid, _("C’est reparti : ton clip est en préparation.") if is_at_work else "")


def _after(submission_id: str, notice: str) -> ResponseReturnValue:
    if is_htmx():
        return announce(_status_page(submission_id, said=notice), "clip")
    if notice:
        flash(notice, "ok")
    return go_to(url_for("sharekit.kit", id=submission_id))


@bp.get("/clip")
@partner_required
def clip() -> ResponseReturnValue:
    found = clips.get_clip(current_partner().id, request.args.get("id", ""))
    path, kind = clips.find_file(found, request.args.get("file", "clip"))
    return send_media(
        path, kind, download_name=f"contentflow-{path.name}" if "download" in request.args else ""
    )
