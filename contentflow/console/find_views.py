"""Finding one thing, the programme's numbers, and filters that are kept by a name."""

from __future__ import annotations

from urllib.parse import unquote

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from contentflow.console import figures, finding, lists
from contentflow.console.pages import PLACES, actor, bp
from contentflow.core.db import transaction
from contentflow.partners import kept_filters
from contentflow.partners.next_page import local_path
from contentflow.partners.roles import Permission
from contentflow.web.access import permission_required
from contentflow.web.htmx import render


@bp.get("/search")
@permission_required(Permission.BOARD)
def search() -> ResponseReturnValue:
    q = request.args.get("q", "").strip()
    is_asked = len(q) >= finding.SHORTEST
    found = finding.find(q, current_user.role) if is_asked else None
    return render("console/search.html", 200 if is_asked or not q else 422, q=q, found=found)


@bp.get("/numbers")
@permission_required(Permission.SEE_NUMBERS)
def numbers() -> ResponseReturnValue:
    wanted = lists.filters_of(figures.REPORT, request.args)
    return render("console/numbers.html", known=figures.figures(wanted), wanted=wanted)


@bp.post("/views")
@permission_required(Permission.BOARD)
def save_view() -> ResponseReturnValue:
    """Keep a filter by a name, and go on with it; without a path: take the one of that name away."""
    name, path = request.form.get("name", ""), local_path(request.form.get("path"))
    with transaction():
        if request.form.get("path"):
            kept_filters.save(actor(), name, path)
        else:
            kept_filters.remove(actor(), name)
    return redirect(path or url_for("console.board", _anchor="views"), 303)


@bp.app_template_global()
def view_to_save() -> str:
    """Return the path of the filter that is looked at; "" where there is none to keep."""
    of = {name for name, value in request.args.items() if value and name not in {"after", "before"}}
    is_list = request.endpoint in {place.endpoint for place in PLACES} - {"console.search"}
    return request.full_path if of and is_list and "@" not in unquote(request.full_path) else ""
