"""Another video for a post that is there: the page, and what it sends."""

from __future__ import annotations

from flask import Response, flash, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from contentflow.byop import clips, replacing, services
from contentflow.byop.forms import VideoForm
from contentflow.byop.views import bp
from contentflow.config import settings
from contentflow.core.db import transaction
from contentflow.partners.sessions import current_partner
from contentflow.pipeline import services as pipeline
from contentflow.web.access import partner_required
from contentflow.web.htmx import go_to, render
from contentflow.web.limits import MINUTE, take


@bp.get("/video")
@partner_required
def video() -> ResponseReturnValue:
    return _page(request.args.get("id", ""), VideoForm(formdata=None))


@bp.post("/video")
@partner_required
def replace_video() -> ResponseReturnValue:
    form, partner_id, sid = VideoForm(), current_partner().id, request.form.get("sid", "")
    services.get_editable(partner_id, sid)
    path, digest = form.sent()
    if not form.validate() or not form.demand(path):
        return _page(sid, form, 422)
    original_id = pipeline.media().receive(path) if path else None
    with transaction():
        take("submit", partner_id, settings().submit_per_minute, MINUTE)
        replacing.replace_video(partner_id, sid, form.source_url.data, path, digest, original_id)
    flash(_("C’est reçu : ta vidéo se prépare. Tes liens restent les mêmes."), "ok")
    return go_to(url_for("sharekit.kit", id=sid))


def _page(submission_id: str, form: VideoForm, status: int = 200) -> Response:
    submission = services.get_editable(current_partner().id, submission_id)
    context = {"clip": clips.clip_of(submission), "post": submission, "form": form}
    return render("byop/video.html", status, upload_max_mb=settings().upload_max_mb, **context)
