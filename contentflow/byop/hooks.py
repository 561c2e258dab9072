"""What capabilities above hand in: who hears that a post changed, and who counts one more share of it."""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask, current_app

PostChanged = Callable[[str], object]
ShareLogged = Callable[[str, str, str, str], object]


def register_post_changed(app: Flask, tell: PostChanged) -> None:
    """Let ``tell(submission_id)`` hear, in the same transaction, that words or clip are other ones now."""
    app.extensions.setdefault("post_changed", []).append(tell)


def tell_post_changed(submission_id: str) -> None:
    told: list[PostChanged] = current_app.extensions.get("post_changed", [])
    for tell in told:
        tell(submission_id)


def register_share_log(app: Flask, log: ShareLogged) -> None:
    """Let ``log(partner_id, submission_id, channel, text)`` count a share that no button made."""
    app.extensions["share_log"] = log


def log_share(partner_id: str, submission_id: str, channel: str, text: str) -> None:
    log: ShareLogged | None = current_app.extensions.get("share_log")
    if log is not None:
        log(partner_id, submission_id, channel, text)
