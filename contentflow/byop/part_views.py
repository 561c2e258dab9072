"""A video sent in parts, before the form that names it: begin, go on, take back. Answers are JSON."""

from __future__ import annotations

from flask import request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import ClientDisconnected

from contentflow.byop.uploads import upload_slots
from contentflow.byop.views import bp
from contentflow.config import settings
from contentflow.core.db import db, transaction
from contentflow.partners.sessions import current_partner
from contentflow.pipeline import arrivals
from contentflow.web.access import partner_required
from contentflow.web.limits import MINUTE, take


@bp.post("/part/begin")
@partner_required
def begin_part() -> ResponseReturnValue:
    partner_id, sent = current_partner().id, request.form
    with transaction():
        take("part", partner_id, settings().submit_per_minute, MINUTE)
    part = arrivals.begin(
        partner_id, sent.get("name", ""), sent.get("size", 0, int), sent.get("modified", "")
    )
    return {"id": part.id, "at": part.offset}


@bp.post("/part")
@partner_required
def append_part() -> ResponseReturnValue:
    """Take a piece that begins at byte ``at``; the answer says where the next one begins."""
    partner_id = current_partner().id
    part_id, offset = request.args.get("id", ""), request.args.get("at", -1, int)
    db.session.rollback()  # No transaction waits while a slow phone sends.
    upload_slots.acquire(partner_id)
    try:
        part = arrivals.append(partner_id, part_id, offset, request.stream.read)
    except ClientDisconnected:
        part = arrivals.find(partner_id, part_id)
    finally:
        upload_slots.release(partner_id)
    return {"id": part.id, "at": part.offset}


@bp.post("/part/drop")
@partner_required
def drop_part() -> ResponseReturnValue:
    arrivals.drop(current_partner().id, request.form.get("id", ""))
    return "", 204
