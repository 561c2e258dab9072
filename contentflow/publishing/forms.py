"""The form that lets a post go out: where, what, when, and the hash of all that was shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from werkzeug.datastructures import MultiDict

from contentflow.core.ids import new_id
from contentflow.publishing.confirming import Order

MAX_NONCE_LENGTH = 64


def order_of(form: MultiDict[str, str], language: str) -> Order:
    """Read what was posted; nothing is judged here but its shape."""
    return Order(
        sid=form.get("sid", ""),
        accounts=_keys(form, "account"),
        platforms=_keys(form, "platform"),
        what=form.get("what", "clip"),
        is_later=form.get("when") == "later",
        at=form.get("at", "")[:40],
        zone=form.get("zone", "")[:64] or "Europe/Paris",
        render=form.get("render", "")[:64],
        seen=form.get("seen", "")[:64],
        nonce=form.get("nonce", "")[:MAX_NONCE_LENGTH],
        language=language,
        labels={tail.removeprefix("-"): _tiktok_labels(form, tail) for tail in _tails(form)},
    )


def _tails(form: MultiDict[str, str]) -> list[str]:
    """Where several accounts of TikTok are shown, each has fields of its own: ``privacy-<account>``."""
    own = [key for key in _keys(form, "account") if f"privacy-{key}" in form or f"agree-{key}" in form]
    return ["", *(f"-{key}" for key in own)]


def _tiktok_labels(form: MultiDict[str, str], tail: str) -> dict[str, Any]:
    """What TikTok wants asked on each post: nothing is chosen that was not ticked."""
    ticked = {name: bool(form.get(name + tail)) for name in ("agree", "comment", "duet", "stitch")}
    return {"privacy": form.get("privacy" + tail, "")[:40], **ticked}


def _keys(form: MultiDict[str, str], name: str) -> list[str]:
    return [value[:64] for value in form.getlist(name)[:50]]


def typed(form: MultiDict[str, str] | None = None) -> dict[str, Any]:
    """Return what the page shows as typed: of a refused form all of it, else the beginning."""
    given: Mapping[str, str] = form or {}
    return {
        "when": given.get("when", "now"),
        "at": given.get("at", ""),
        "zone": given.get("zone", "Europe/Paris"),
        "nonce": new_id(),
        "answers": order_of(form, "").labels if form else {},
        "targets": set(form.getlist("account") + form.getlist("platform")) if form else set(),
    }
