"""The pages that belong to no capability: the landing page, the legal page, the language."""

from __future__ import annotations

from datetime import timedelta

from flask import Blueprint, Response, abort, redirect, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from contentflow.config import settings
from contentflow.core import clock
from contentflow.core.registry import registry
from contentflow.web.access import always_open, public
from contentflow.web.htmx import go_to, render
from contentflow.web.identity import identity
from contentflow.web.language import LANGUAGES
from contentflow.web.security import our_path

bp = Blueprint("web", __name__)


@bp.get("/")
@public
def home() -> ResponseReturnValue:
    if current_user.is_authenticated:
        return redirect(url_for("portal.home"), 303)
    return render("web/landing.html")


@bp.get("/legal")
@public
def legal() -> ResponseReturnValue:
    return render("web/legal.html", contact=identity().contact, retention=registry().retention)


@bp.post("/language")
@always_open
@public
def language() -> ResponseReturnValue:
    if request.form.get("lang") not in LANGUAGES:
        abort(422)
    session["lang"] = request.form["lang"]
    session.permanent = True
    return go_to(our_path(request.referrer) or "/")


@bp.get("/robots.txt")
@public
def robots() -> ResponseReturnValue:
    """LinkedIn and X obey it before they draw a card: short links and public posts say noindex themselves."""
    lines = [
        "User-agent: *",
        "Allow: /l/",
        "Allow: /p/",
        "Disallow: /byop/",
        "Disallow: /partner/",
        "Disallow: /unsubscribe/",
        "Disallow: /preferences/",
    ]
    return Response("\n".join(lines) + "\n", mimetype="text/plain")


@bp.get("/.well-known/security.txt")
@public
def security_txt() -> ResponseReturnValue:
    """RFC 9116: contact and expiry are required."""
    base, expires = settings().public_base_url, clock.now().replace(microsecond=0) + timedelta(days=180)
    written = identity().contact
    contact = f"mailto:{written}" if "@" in written else f"{base}/legal"
    lines = [
        f"Contact: {contact}",
        f"Expires: {clock.iso(expires)}",
        "Preferred-Languages: fr, en",
        f"Canonical: {base}/.well-known/security.txt",
    ]
    return Response("\n".join(lines) + "\n", mimetype="text/plain")
