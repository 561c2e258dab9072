"""A file's pages: sending it, looking at it, its progress and its verdicts."""

from __future__ import annotations

from flask import Response, request, url_for
from flask.typing import ResponseReturnValue

from contentflow.config import settings
from contentflow.contacts import imports
from contentflow.contacts.forms import UploadForm
from contentflow.contacts.views import bp
from contentflow.core.csv_reading import UnreadableTable
from contentflow.core.db import transaction
from contentflow.partners.sessions import current_partner
from contentflow.web.access import partner_required
from contentflow.web.htmx import go_to, render
from contentflow.web.limits import MINUTE, take


@bp.get("/import")
@partner_required
def upload_page() -> ResponseReturnValue:
    return render("contacts/upload.html", form=UploadForm(formdata=None), first_lines=())


@bp.post("/import")
@partner_required
def upload() -> ResponseReturnValue:
    form, partner_id = UploadForm(), current_partner().id
    take("contacts", partner_id, settings().submit_per_minute, MINUTE)
    content, filename = form.read()
    if form.file.errors:
        return render("contacts/upload.html", 422, form=form, first_lines=())
    try:
        with transaction():
            import_id = imports.upload(partner_id, content, filename, form.nonce.data)
    except UnreadableTable as refusal:
        form.file.errors = [str(refusal.message)]
        return render("contacts/upload.html", refusal.status, form=form, first_lines=refusal.first_lines)
    return go_to(url_for("contacts.import_page", import_id=import_id))


@bp.get("/import/<import_id>")
@partner_required
def import_page(import_id: str) -> ResponseReturnValue:
    return _import_page(import_id)


@bp.post("/import/<import_id>/start")
@partner_required
def start(import_id: str) -> ResponseReturnValue:
    given = {name: request.form[name] for name in ("email", "name", "tags", "header") if name in request.form}
    try:
        with transaction():
            started = imports.start(current_partner().id, import_id, given)
    except UnreadableTable as refusal:
        return _import_page(import_id, refusal, refusal.status)
    return go_to(url_for("contacts.import_page", import_id=started))


@bp.post("/import/<import_id>/stop")
@partner_required
def stop(import_id: str) -> ResponseReturnValue:
    with transaction():
        imports.stop(current_partner().id, import_id)
    return go_to(url_for("contacts.import_page", import_id=import_id))


@bp.get("/import/<import_id>/verdicts.csv")
@partner_required
def verdicts_csv(import_id: str) -> ResponseReturnValue:
    lines = "".join(imports.verdicts_csv(current_partner().id, import_id))
    headers = {"Content-Disposition": 'attachment; filename="verdicts.csv"'}
    return Response(lines, mimetype="text/csv", headers=headers)


def _import_page(import_id: str, refusal: UnreadableTable | None = None, status: int = 200) -> Response:
    found = imports.view(current_partner().id, import_id)
    return render("contacts/import.html", status, found=found, refusal=refusal)
