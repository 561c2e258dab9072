"""Who runs the programme, and looking at a partner's pages as the partner does."""

from __future__ import annotations

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from contentflow.console.pages import actor, bp, reason
from contentflow.core.db import transaction
from contentflow.partners import accounts, seeing
from contentflow.partners import team as roles
from contentflow.partners.errors import UnknownRole
from contentflow.partners.roles import NAMES, Permission
from contentflow.web.access import always_open, permission_required
from contentflow.web.htmx import render
from contentflow.web.language import language


@bp.get("/team")
@permission_required(Permission.MANAGE_TEAM)
def team() -> ResponseReturnValue:
    return render("console/team.html", people=roles.list_team(), roles=NAMES)


@bp.post("/team/invite")
@permission_required(Permission.MANAGE_TEAM, stepped_up=True)
def invite() -> ResponseReturnValue:
    role = roles.read_role(request.form.get("role", ""))
    if role is None:
        raise UnknownRole
    with transaction():
        accounts.join_team(request.form.get("email", ""), role, actor(), reason(), language())
    return redirect(url_for("console.team"), 303)


@bp.post("/team/role")
@permission_required(Permission.MANAGE_TEAM, stepped_up=True)
def change_role() -> ResponseReturnValue:
    role = roles.read_role(request.form.get("role", ""))
    with transaction():
        accounts.set_role(request.form.get("email", ""), role, actor(), reason())
    return redirect(url_for("console.team"), 303)


@bp.post("/team/remove")
@permission_required(Permission.MANAGE_TEAM, stepped_up=True)
def remove() -> ResponseReturnValue:
    with transaction():
        accounts.set_role(request.form.get("email", ""), None, actor(), reason())
    return redirect(url_for("console.team"), 303)


@bp.post("/team/reset")
@permission_required(Permission.MANAGE_TEAM, stepped_up=True)
def reset_factor() -> ResponseReturnValue:
    with transaction():
        accounts.reset_second_factor(request.form.get("email", ""), actor(), reason())
    return redirect(url_for("console.team"), 303)


@bp.post("/see")
@permission_required(Permission.SEE_AS)
def see() -> ResponseReturnValue:
    with transaction():
        seeing.begin(request.form.get("partner", ""), actor(), current_user.session.token_hash, reason())
    return redirect(url_for("portal.home"), 303)


@bp.post("/see/end")
@always_open
@permission_required(Permission.BOARD)
def end_seeing() -> ResponseReturnValue:
    with transaction():
        partner_id = seeing.end(actor(), current_user.session.token_hash)
    if partner_id is None:
        return redirect(url_for("console.board"), 303)
    return redirect(url_for("console.partner", partner_id=partner_id), 303)
