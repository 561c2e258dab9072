"""TikTok: a publication has an id before its first byte, and the id says what became of it.

Without an audit the video lands in the app's inbox, where its owner finishes it: that is never “published”.
HTTP 200 with another code than ``ok`` is a refusal.
https://developers.tiktok.com/doc/content-posting-api-reference-direct-post
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from contentflow.config import settings
from contentflow.core.bodies import Body, file_body, json_body
from contentflow.core.location import origin_of
from contentflow.core.outbound import Answer
from contentflow.publishing import clips, tokens
from contentflow.publishing.calls import MAX_WAIT, NoAnswer, NotReached, ask, number_in, text_in, wait_told
from contentflow.publishing.models import Assignment, SocialAccount
from contentflow.publishing.outcomes import Outcome, done, hand, indeterminate, later, reauth, refused, wait
from contentflow.publishing.outgoing import Job
from contentflow.publishing.platforms import TIKTOK_PRIVACIES, Creator
from contentflow.publishing.refreshing import NoTokens, usable_tokens

CHUNK_BYTES = 10_000_000  # From 5 to 64 MB; the last one takes what is left.
LOOK_SECONDS = 5.0
DEAD_TOKEN = ("access_token_invalid", "access_token_expired")
WAITS = {
    "rate_limit_exceeded": 60.0,
    "spam_risk_too_many_posts": 3_600.0,
    "spam_risk_too_many_pending_share": 3_600.0,
    "reached_active_user_cap": MAX_WAIT.total_seconds(),
    "internal_error": None,
}
REFUSED = {
    "spam_risk_user_banned_from_posting": "forbidden",
    "unaudited_client_can_only_post_to_private_accounts": "forbidden",
    "scope_permission_missed": "forbidden",
    "privacy_level_option_mismatch": "changed",
}
# Of a publication that failed: the partner's video, or their word; what is not here is a refusal of its own.
FAILED = {
    "file_format_check_failed": "media",
    "duration_check_failed": "media",
    "frame_rate_check_failed": "media",
    "picture_size_check_failed": "media",
    "auth_removed": "forbidden",
}


def publish(job: Job) -> Outcome:
    """Take one assignment a step further: ask what became of it, open a publication, send its bytes."""
    try:
        return _step(job, _Account(job.account.id))
    except NoTokens as missing:
        return missing.outcome
    except NotReached:
        return later("unreachable")
    except NoAnswer:
        return indeterminate("unreachable") if job.row.first_tried_at else later("unreachable")


def _step(job: Job, account: _Account) -> Outcome:
    kept = tokens.decrypt_fields(job.row.remote) or {}
    if job.row.last_tried_at is not None:
        if "id" not in kept:
            return indeterminate("looking")
        became = account.became(kept)
        if became is not None:
            return became
    with clips.local(job.row) as path:
        if path is None:
            return refused("changed")
        if "id" not in kept:
            opened = account.open(job.row, path.stat().st_size)
            if isinstance(opened, Outcome):
                return opened
            kept = opened
            job.note(step="upload", percent=5, remote=tokens.encrypt_fields(kept))
        if (why := job.begin()) is not None:
            return why
        for body, span, percent in _chunks(path):
            sent = ask("PUT", str(kept["url"]), {"Content-Range": span}, body)
            if sent.status not in (200, 201, 206):
                return indeterminate("unclear", LOOK_SECONDS)
            job.note(step="upload", percent=percent)
    job.note(remote=tokens.encrypt_fields({**kept, "is_sent": True}))
    return wait(LOOK_SECONDS, "wait", 90)


def _chunks(path: Path) -> Iterator[tuple[Body, str, int]]:
    size = path.stat().st_size
    count = max(1, size // CHUNK_BYTES)
    for place in range(count):
        start = place * CHUNK_BYTES
        end = size if place == count - 1 else start + CHUNK_BYTES
        body = file_body("video/mp4", path, start, end - start)
        yield body, f"bytes {start}-{end - 1}/{size}", 5 + 80 * end // size


def creator_of(account_id: str) -> Creator | None:
    """Ask what the account's owner may choose; None where TikTok does not say."""
    try:
        return _Account(account_id).creator()
    except (NoTokens, NotReached, NoAnswer):
        return None


class _Account:
    """One account."""

    def __init__(self, account_id: str) -> None:
        self._account_id = account_id

    def call(self, path: str, payload: Mapping[str, Any]) -> Answer:
        """Call with the account's token; one that is dead is refreshed once: nothing came of it."""
        held = usable_tokens(self._account_id)
        answer = self._call(held, path, payload)
        if answer.status != 401 and _code(answer) not in DEAD_TOKEN:
            return answer
        return self._call(usable_tokens(self._account_id, refused=str(held["access_token"])), path, payload)

    def _call(self, held: Mapping[str, Any], path: str, payload: Mapping[str, Any]) -> Answer:
        url = f"{settings().tiktok_api_url}/v2/post/publish/{path}/"
        return ask("POST", url, {"Authorization": f"Bearer {held['access_token']}"}, json_body(payload))

    def creator(self) -> Creator | None:
        answer = self.call("creator_info/query", {})
        data = answer.fields().get("data")
        told = data if isinstance(data, dict) and _code(answer) == "ok" else {}
        listed = told.get("privacy_level_options")
        may = tuple(one for one in TIKTOK_PRIVACIES if isinstance(listed, list) and one in listed)
        allows = frozenset(
            one for one in ("comment", "duet", "stitch") if told.get(f"{one}_disabled") is False
        )
        name, username = text_in(told, "creator_nickname"), text_in(told, "creator_username", 100)
        return Creator(name, username, may, allows) if told else None

    def open(self, row: Assignment, size: int) -> dict[str, Any] | Outcome:
        """Return id and upload address of a new publication, or how to go on: no byte is there yet.

        Of a public one TikTok is asked again what its owner may choose: what they chose may be gone.
        """
        where, payload = "inbox/video/init", {}
        username = ""
        if row.labels.get("brand_content_toggle"):
            creator = self.creator()
            if creator is None:
                return later("unclear")
            if row.labels.get("privacy") not in creator.privacies:
                return refused("changed")
            where, payload = "video/init", {"post_info": _post_info(row, creator)}
            username = creator.username
        source = {
            "source": "FILE_UPLOAD",
            "video_size": size,
            "chunk_size": size if size < 2 * CHUNK_BYTES else CHUNK_BYTES,
            "total_chunk_count": max(1, size // CHUNK_BYTES),
        }
        answer = self.call(where, {**payload, "source_info": source})
        data = answer.fields().get("data")
        told = data if isinstance(data, dict) else {}
        publish_id, url = text_in(told, "publish_id", 200), text_in(told, "upload_url", 2_000)
        if _code(answer) == "ok" and publish_id and _is_theirs(url):
            return {"id": publish_id, "url": url, "username": username, "size": size}
        return _refusal(answer)

    def became(self, kept: Mapping[str, Any]) -> Outcome | None:
        """Ask what became of it; None while it still waits for its bytes."""
        answer = self.call("status/fetch", {"publish_id": str(kept["id"])})
        data = answer.fields().get("data")
        told = data if isinstance(data, dict) and _code(answer) == "ok" else {}
        state, reason = text_in(told, "status"), text_in(told, "fail_reason")
        if state == "PUBLISH_COMPLETE":
            post_id, username = _post_id(told), str(kept.get("username", ""))
            is_known = post_id and re.fullmatch(r"[\w.]{1,100}", username)
            url = f"https://www.tiktok.com/@{username}/video/{post_id}" if is_known else ""
            return done(post_id or str(kept["id"]), url)
        if state == "SEND_TO_USER_INBOX":
            return hand("inbox")
        if state == "FAILED":
            return refused(FAILED.get(reason, "rejected"))
        there = number_in(told, "uploaded_bytes")
        is_short = there is not None and there < int(kept["size"])
        if state == "PROCESSING_UPLOAD" and (is_short or not kept.get("is_sent")):
            return None
        if state.startswith("PROCESSING"):
            return wait(LOOK_SECONDS, "wait", 90)
        return indeterminate("looking", wait_told(answer) if answer.status == 429 else None)


def _post_info(row: Assignment, creator: Creator) -> dict[str, Any]:
    """Paid content is always said, and nothing is allowed that was not ticked."""
    shut = {
        f"disable_{one}": not (row.labels.get(one) and one in creator.allows)
        for one in ("comment", "duet", "stitch")
    }
    labels = {"brand_content_toggle": True, "brand_organic_toggle": False}
    return {"title": row.text, "privacy_level": row.labels["privacy"], **shut, **labels}


def _post_id(told: Mapping[str, Any]) -> str:
    """TikTok's own spelling."""
    listed = told.get("publicaly_available_post_id")
    return str(listed[0]) if isinstance(listed, list) and listed and str(listed[0]).isdecimal() else ""


def _is_theirs(url: str) -> bool:
    """Whether the bytes may go there: the API's own origin, or a server of TikTok's."""
    host = urlsplit(url).hostname or ""
    is_tiktok = origin_of(url) == f"https://{host}" and host.endswith(".tiktokapis.com")
    return is_tiktok or origin_of(url) == origin_of(settings().tiktok_api_url)


def _code(answer: Answer) -> str:
    error = answer.fields().get("error")
    return text_in(error, "code") if isinstance(error, dict) else ""


def _refusal(answer: Answer) -> Outcome:
    """The table of what an opening that brought nothing means: no byte was sent."""
    code = _code(answer)
    if answer.status == 401 or code in DEAD_TOKEN or code == "scope_not_authorized":
        return reauth("token", is_clear=True)
    if code in WAITS:
        return later("busy", WAITS[code])
    if answer.status == 429:
        return later("busy", wait_told(answer))
    if answer.status >= 500 or not code or code == "ok":
        return later("unclear")
    return refused(REFUSED.get(code, "rejected"))


def counts(_account: SocialAccount, _remote_id: str) -> dict[str, int | None] | None:
    """Nothing: the rights that we ask for read no numbers."""
    return {}
