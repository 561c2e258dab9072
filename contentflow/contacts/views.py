"""The book's pages: the list, one contact, adding, tags, forgetting, and the question."""

from __future__ import annotations

from typing import Final

from flask import Blueprint, Response, flash, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from contentflow.config import settings
from contentflow.contacts import imports, invitations, services, words
from contentflow.contacts import tags as tagging
from contentflow.contacts.forms import AddForm, InviteForm
from contentflow.contacts.models import STATES
from contentflow.core.db import transaction
from contentflow.mailing import standing
from contentflow.partners.sessions import current_partner
from contentflow.web.access import partner_required
from contentflow.web.htmx import go_to, render
from contentflow.web.language import language
from contentflow.web.limits import MINUTE, take
from contentflow.web.security import FRAME_CSP

bp = Blueprint("contacts", __name__, url_prefix="/partner/contacts")
FORM_BYTES: Final = 64 * 1024  # around a file


@bp.app_context_processor
def _words() -> dict[str, object]:
    return {"contact_words": words}


@bp.get("")
@partner_required
def index() -> ResponseReturnValue:
    wanted = {name: request.args.get(name, "") for name in ("q", "tag", "state")}
    cursors = {name: request.args.get(name, "") for name in ("before", "after")}
    book = services.book(current_partner().id, **wanted, **cursors)
    choices = {
        "tag": [("", _("Toutes")), *((tag, tag) for tag in book.tags)],
        "state": [("", _("Tous")), *((state, words.STATES[state]) for state in STATES)],
    }
    return render(
        "contacts/index.html",
        book=book,
        wanted=wanted,
        states=STATES,
        choices=choices,
        paused_because=standing.why_paused(current_partner().id),
    )


@bp.get("/<contact_id>")
@partner_required
def contact(contact_id: str) -> ResponseReturnValue:
    found = services.view_contact(current_partner().id, contact_id)
    return render("contacts/contact.html", found=found)


@bp.get("/add")
@partner_required
def add_page() -> ResponseReturnValue:
    return _add_page(AddForm(formdata=None))


@bp.post("/add")
@partner_required
def add() -> ResponseReturnValue:
    form, partner_id = AddForm(), current_partner().id
    take("contacts", partner_id, settings().submit_per_minute, MINUTE)
    parsed = form.read()
    if form.emails.errors:
        return _add_page(form, status=422)
    with transaction():
        verdicts = services.add(partner_id, parsed, tagging.typed(request.form.getlist("tags")))
    return _add_page(form, verdicts)


def _add_page(form: AddForm, verdicts: object = (), status: int = 200) -> Response:
    return render("contacts/add.html", status, form=form, verdicts=verdicts)


@bp.post("/tag")
@partner_required
def tag() -> ResponseReturnValue:
    sent = request.form
    ids, tags = sent.getlist("contact"), tagging.typed(sent.getlist("tags"))
    with transaction():
        count = services.tag(current_partner().id, ids, tags, bool(request.values.get("remove")))
    flash(ngettext("%(num)s contact est étiqueté.", "%(num)s contacts sont étiquetés.", count), "ok")
    is_on_a_contact = len(ids) == 1 and sent.get("from") == "contact"
    return go_to(
        url_for("contacts.contact", contact_id=ids[0]) if is_on_a_contact else url_for("contacts.index")
    )


@bp.post("/forget")
@partner_required
def forget() -> ResponseReturnValue:
    with transaction():
        count = services.forget(current_partner().id, request.form.getlist("contact"))
    said = ngettext(
        "%(num)s contact est effacé de ton carnet.", "%(num)s contacts sont effacés de ton carnet.", count
    )
    flash(said, "ok")
    return go_to(url_for("contacts.index"))


@bp.post("/invite")
@partner_required
def invite() -> ResponseReturnValue:
    form, partner, sent = InviteForm(), current_partner(), request.form
    take("contacts", partner.id, settings().submit_per_minute, MINUTE)
    ids, import_id = sent.getlist("contact"), sent.get("import", "")
    try:
        with transaction():
            verdicts = invitations.invite(
                partner, ids, import_id, bool(form.consent.data), form.nonce.data, language()
            )
    except invitations.NotAttested as refusal:
        form.consent.errors = [str(refusal.message)]
        return _invite_page(form, ids, import_id, (), 422)
    return _invite_page(form, ids, import_id, verdicts)


@bp.get("/invite")
@partner_required
def invite_page() -> ResponseReturnValue:
    import_id = request.args.get("import", "")
    if import_id:
        imports.get_import(current_partner().id, import_id)
    form = InviteForm(formdata=None)
    return _invite_page(form, request.args.getlist("contact")[: services.MAX_CHOSEN], import_id)


@bp.get("/invite/preview")
@partner_required
def invitation_preview() -> ResponseReturnValue:
    """The very mail, with links that do nothing."""
    name = current_partner().name or _("Un partenaire")
    mail = invitations.write(name, language(), "apercu", "apercu")
    return Response(mail.html, headers={"Content-Security-Policy": FRAME_CSP})


def _invite_page(
    form: InviteForm, ids: list[str], import_id: str, verdicts: object = (), status: int = 200
) -> Response:
    partner = current_partner()
    name = partner.name or _("Un partenaire")
    chosen = {"ids": ids, "import_id": import_id, "name": name, "per_day": settings().invites_per_day}
    facts = {"at_brevo": settings().asks_at_brevo, "paused_because": standing.why_paused(partner.id)}
    return render("contacts/invite.html", status, form=form, verdicts=verdicts, **facts, **chosen)
