"""Bring a post, see how its text will look, mend it, withdraw it."""

from __future__ import annotations

from flask import Blueprint, Response, flash, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from contentflow.byop import moderation, services
from contentflow.byop.forms import PostForm, WordsForm
from contentflow.byop.models import Submission
from contentflow.byop.preview import CHANNELS, SAMPLE_CODE, Preview, preview
from contentflow.config import settings
from contentflow.core.db import transaction
from contentflow.links import services as links
from contentflow.offers import services as offers
from contentflow.partners.sessions import current_partner
from contentflow.web.access import partner_required
from contentflow.web.htmx import go_to, is_htmx, render
from contentflow.web.limits import MINUTE, take

bp = Blueprint("byop", __name__, url_prefix="/byop")


@bp.get("/new")
@partner_required
def new() -> ResponseReturnValue:
    return _new_page(PostForm(offer_id=request.args.get("offer")))


@bp.post("/submit")
@partner_required
def submit() -> ResponseReturnValue:
    form, partner_id = PostForm(), current_partner().id
    if not form.validate():
        return _new_page(form, 422)
    draft = form.draft()  # A large file is read for it: not while other writers wait.
    with transaction():
        take("submit", partner_id, settings().submit_per_minute, MINUTE)
        submission_id = services.submit_post(partner_id, draft).id
    return go_to(url_for("sharekit.kit", id=submission_id))


@bp.route("/preview", methods=["GET", "POST"], endpoint="preview")
@partner_required
def show_preview() -> ResponseReturnValue:
    """Show the text of what was typed; nothing changes.

    The form posts here, since long words do not fit in the line of a GET.
    """
    sid = request.values.get("sid")
    submission = services.get_editable(current_partner().id, sid) if sid else None
    form = WordsForm(request.values) if submission else PostForm(request.values)
    if is_htmx():
        return Response(render_template("byop/_preview.html", preview=_preview(form, submission)))
    return _edit_page(form, submission) if submission else _new_page(form)


@bp.get("/edit")
@partner_required
def edit() -> ResponseReturnValue:
    submission = services.get_editable(current_partner().id, request.args.get("id", ""))
    return _edit_page(WordsForm(obj=services.words_of(submission)), submission)


@bp.post("/edit")
@partner_required
def save_edit() -> ResponseReturnValue:
    partner_id, sid = current_partner().id, request.form.get("sid", "")
    submission, form = services.get_editable(partner_id, sid), WordsForm()
    if not form.validate():
        return _edit_page(form, submission, 422)
    with transaction():
        is_waiting = services.edit_words(partner_id, sid, form.words()).status == "submitted"
    flash(_("C’est enregistré : ton post va être relu.") if is_waiting else _("C’est enregistré."), "ok")
    return go_to(url_for("sharekit.kit", id=sid))


@bp.post("/send-again")
@partner_required
def send_again() -> ResponseReturnValue:
    partner_id, sid = current_partner().id, request.form.get("sid", "")
    with transaction():
        moderation.send_again(partner_id, sid)
    flash(_("C’est envoyé : ton post va être relu."), "ok")
    return go_to(url_for("sharekit.kit", id=sid))


@bp.post("/archive")
@partner_required
def archive() -> ResponseReturnValue:
    partner_id = current_partner().id
    with transaction():
        services.archive_post(partner_id, request.form.get("sid", ""))
    flash(_("Ton post est archivé : ses liens ne mènent plus à l’offre."), "ok")
    return go_to(url_for("portal.home"))


def _new_page(form: PostForm, status: int = 200) -> Response:
    return render(
        "byop/new.html",
        status,
        form=form,
        offers=offers.list_offers(),
        upload_max_mb=settings().upload_max_mb,
        channels=CHANNELS,
        preview=_preview(form),
        default_hashtags=settings().sharekit_default_hashtags,
    )


def _edit_page(form: WordsForm, submission: Submission, status: int = 200) -> Response:
    return render(
        "byop/edit.html",
        status,
        form=form,
        submission=submission,
        channels=CHANNELS,
        preview=_preview(form, submission),
        default_hashtags=settings().sharekit_default_hashtags,
    )


def _preview(form: WordsForm, submission: Submission | None = None) -> Preview:
    chosen, channel = settings(), request.values.get("channel", "copy")
    url = f"{chosen.public_base_url}/l/{SAMPLE_CODE}"
    if submission:
        made = links.links_of(submission.id)
        url = links.link_url(made.get(channel, made["copy"]))
    return preview(form.words(), channel, url, chosen.ad_disclosure, chosen.sharekit_default_hashtags)
