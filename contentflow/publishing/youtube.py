"""YouTube: a resumable upload, whose address is kept before the first byte, so that it goes on where it was.

The video is there once its last byte is, so each byte may be the one that publishes.
https://developers.google.com/youtube/v3/guides/using_resumable_upload_protocol
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from contentflow.config import settings
from contentflow.core.bodies import Body, file_body, json_body
from contentflow.core.location import origin_of
from contentflow.core.outbound import Answer
from contentflow.publishing import clips, looking, tokens
from contentflow.publishing.calls import MAX_WAIT, NoAnswer, NotReached, ask, text_in, wait_told
from contentflow.publishing.models import SocialAccount
from contentflow.publishing.outcomes import Outcome, done, hand, indeterminate, later, reauth, refused
from contentflow.publishing.outgoing import Job
from contentflow.publishing.plan import youtube_title
from contentflow.publishing.refreshing import NoTokens, usable_tokens

CHUNK_BYTES = 8 * 1024 * 1024  # A multiple of 256 KiB, as the protocol asks.
# A list of uploads may lag behind: what is not in it so long after the last byte is not there.
QUIET_SECONDS = 600.0
PAGE_SIZE = 5  # A description may be 5,000 letters long, and an answer is read to 64 kB.
MAX_PAGES = 10
# https://developers.google.com/youtube/v3/docs/errors; the rest is later, or indeterminate after a byte.
REFUSED = {
    "forbidden": "forbidden",
    "youtubeSignupRequired": "forbidden",
    "insufficientPermissions": "forbidden",
    "invalidTitle": "rejected",
    "invalidDescription": "rejected",
    "invalidVideoMetadata": "rejected",
    "mediaBodyRequired": "media",
}
TOMORROW = ("quotaExceeded", "dailyLimitExceeded", "uploadLimitExceeded")


def publish(job: Job) -> Outcome:
    """Take one assignment a step further: find out where we are, open a session, send what is left."""
    try:
        return _step(job, _Channel(job.account))
    except NoTokens as missing:
        return missing.outcome
    except NotReached:
        return later("unreachable")
    except NoAnswer:
        return indeterminate("unreachable") if job.row.first_tried_at else later("unreachable")


def _step(job: Job, channel: _Channel) -> Outcome:
    session = str((tokens.decrypt_fields(job.row.remote) or {}).get("session", ""))
    with clips.local(job.row) as path:
        if path is None and job.row.last_tried_at is None:
            return refused("changed")
        size = path.stat().st_size if path is not None else 0
        start = 0
        if job.row.last_tried_at is not None:
            found = channel.resume(session, size) if session and size else None
            if isinstance(found, Outcome):
                return found
            if found is None:
                # The session is gone, with its video or without: it is looked for before a new one.
                since = job.row.first_tried_at or job.row.last_tried_at
                if (looked := channel.find(looking.link_code_in(job.row.text), since)) is not None:
                    return looked
                if (quiet := looking.seconds_until(job.row, QUIET_SECONDS)) > 0:
                    return indeterminate("looking", quiet)
                session = ""
            start = found or 0
        if path is None:
            return refused("changed")
        if not session:
            opened = channel.open(job.row.text, job.row.language, size)
            if isinstance(opened, Outcome):
                return opened
            session = opened
            job.note(step="upload", percent=5, remote=tokens.encrypt_fields({"session": session}))
        return _sent(job, channel, session, path, start, size)


def _sent(job: Job, channel: _Channel, session: str, path: Path, start: int, size: int) -> Outcome:
    """Send what is left, a chunk at a time; each is judged anew before."""
    while start < size:
        if (why := job.begin()) is not None:
            return why
        length = min(CHUNK_BYTES, size - start)
        reached = channel.send(session, file_body("video/mp4", path, start, length), start, size)
        if isinstance(reached, Outcome):
            return reached
        if reached <= start:
            return indeterminate("unclear")
        start = reached
        job.note(step="upload", percent=min(99, 5 + 94 * start // size))
    return indeterminate("unclear")


def metadata(text: str, language: str) -> dict[str, Any]:
    """What goes with a video: public, not made for children, and paid promotion always said."""
    return {
        "snippet": {
            "title": youtube_title(text),
            "description": text,
            "categoryId": "22",
            "defaultLanguage": language,
        },
        "status": {"privacyStatus": "public", "selfDeclaredMadeForKids": False},
        "paidProductPlacementDetails": {"hasPaidProductPlacement": True},
    }


class _Channel:
    """One account's channel."""

    def __init__(self, account: SocialAccount) -> None:
        self._account_id = account.id
        self._api = settings().youtube_api_url

    def call(self, method: str, url: str, headers: Mapping[str, str], body: Body | None = None) -> Answer:
        """Call with the account's token; one that is dead is refreshed once: nothing came of it."""
        held = usable_tokens(self._account_id)
        answer = ask(method, url, {**headers, "Authorization": f"Bearer {held['access_token']}"}, body)
        if answer.status != 401:
            return answer
        held = usable_tokens(self._account_id, refused=str(held["access_token"]))
        return ask(method, url, {**headers, "Authorization": f"Bearer {held['access_token']}"}, body)

    def read(self, what: str, **query: str) -> Answer:
        return self.call("GET", f"{self._api}/youtube/v3/{what}?{urlencode(query)}", {})

    def open(self, text: str, language: str, size: int) -> str | Outcome:
        """Return the address of a new upload session, or how to go on: nothing is published by it."""
        query = {"uploadType": "resumable", "part": "snippet,status,paidProductPlacementDetails"}
        url = f"{self._api}/upload/youtube/v3/videos?{urlencode(query)}"
        told = {"X-Upload-Content-Length": str(size), "X-Upload-Content-Type": "video/mp4"}
        answer = self.call("POST", url, told, json_body(metadata(text, language)))
        place = answer.headers.get("Location") or ""
        if answer.status == 200 and origin_of(place) == origin_of(self._api) and len(place) <= 2_000:
            return place
        return _refusal(answer) or later("unclear")

    def resume(self, session: str, size: int) -> int | Outcome | None:
        """Return how many bytes are there; None once nobody knows the session any more."""
        answer = self.call("PUT", session, {"Content-Range": f"bytes */{size}"}, Body("video/mp4"))
        if answer.status in (404, 410):
            return None
        return _reached(answer)

    def send(self, session: str, body: Body, start: int, size: int) -> int | Outcome:
        last = start + body.length - 1
        answer = self.call("PUT", session, {"Content-Range": f"bytes {start}-{last}/{size}"}, body)
        return indeterminate("unclear") if answer.status in (404, 410) else _reached(answer)

    def find(self, code: str, since: datetime) -> Outcome | None:
        """Look for our short link among the channel's last uploads; None when it is certainly not there."""
        answer = self.read("channels", part="contentDetails", mine="true")
        items = answer.fields().get("items")
        first = items[0] if isinstance(items, list) and items and isinstance(items[0], dict) else {}
        playlist = _inside(first, "contentDetails", "relatedPlaylists", "uploads")
        if answer.status != 200 or not isinstance(playlist, str):
            return indeterminate("looking")
        page = ""
        for _ in range(MAX_PAGES):
            asked = {"part": "snippet", "playlistId": playlist, "maxResults": str(PAGE_SIZE)}
            answer = self.read("playlistItems", **asked, **({"pageToken": page} if page else {}))
            found = answer.fields().get("items")
            if answer.status != 200 or not isinstance(found, list):
                return indeterminate("looking")
            for one in found:
                if re.search(rf"/l/{re.escape(code)}\b", str(_inside(one, "snippet", "description"))):
                    return _there(str(_inside(one, "snippet", "resourceId", "videoId") or ""))
            page = text_in(answer.fields(), "nextPageToken", 500)
            if not page or not found or looking.is_older(_inside(found[-1], "snippet", "publishedAt"), since):
                return None
        return indeterminate("looking")


def _inside(fields: Any, *path: str) -> Any:
    for name in path:
        fields = fields.get(name) if isinstance(fields, dict) else None
    return fields


def _there(video_id: str) -> Outcome:
    if not re.fullmatch(r"[\w-]{1,64}", video_id):
        return indeterminate("looking")
    return done(video_id, f"https://www.youtube.com/watch?v={video_id}")


def _reached(answer: Answer) -> int | Outcome:
    """The table of what an answer to bytes means: how many are there, or how it ends."""
    if answer.status in (200, 201):
        if _inside(answer.fields(), "status", "privacyStatus") not in ("public", None):
            return hand("private")
        return _there(text_in(answer.fields(), "id", 100))
    if answer.status == 308:
        there = re.fullmatch(r"bytes=0-([0-9]{1,15})", answer.headers.get("Range") or "")
        return int(there[1]) + 1 if there else 0
    return _refusal(answer) or indeterminate("unclear")


def _refusal(answer: Answer) -> Outcome | None:
    """What an error says clearly: ``error.errors[0].reason``; None for what says nothing for certain."""
    listed = _inside(answer.fields(), "error", "errors")
    first = listed[0] if isinstance(listed, list) and listed else {}
    reason = str(_inside(first, "reason") or "")
    if answer.status == 401:
        return reauth("token")
    if answer.status in (400, 403) and reason in TOMORROW:
        return later("busy", MAX_WAIT.total_seconds())
    if answer.status in (400, 403) and reason in REFUSED:
        return refused(REFUSED[reason])
    return later("busy", wait_told(answer)) if answer.status == 429 else None


def counts(account: SocialAccount, remote_id: str) -> dict[str, int | None] | None:
    """Return views, likes and replies; None when it is gone. Raises ``NotReached`` and ``NoAnswer``."""
    try:
        answer = _Channel(account).read("videos", part="statistics", id=remote_id)
    except NoTokens:
        return {}
    items = answer.fields().get("items")
    if answer.status != 200 or not isinstance(items, list):
        return {}
    if not items:
        return None
    names = {"views": "viewCount", "likes": "likeCount", "replies": "commentCount"}
    return {ours: _number(_inside(items[0], "statistics", theirs)) for ours, theirs in names.items()}


def _number(text: Any) -> int | None:
    """Google writes numbers as text."""
    return int(text) if isinstance(text, str) and re.fullmatch(r"[0-9]{1,15}", text) else None
