"""Mastodon and what speaks like it: any server, each of which is a stranger.

https://docs.joinmastodon.org/methods/statuses/#create
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

from contentflow.config import settings
from contentflow.core.bodies import json_body, multipart_body
from contentflow.core.outbound import Answer
from contentflow.publishing import clips, looking, tokens
from contentflow.publishing.calls import (
    NoAnswer,
    NotReached,
    ask_stranger,
    number_in,
    text_in,
    wait_told,
)
from contentflow.publishing.mastodon_connect import origin_of_host
from contentflow.publishing.outcomes import Outcome, done, indeterminate, later, reauth, refused, wait
from contentflow.publishing.outgoing import Job

# The server notes the key after it posted: a second try that overtakes the first would post twice.
QUIET_SECONDS = 60.0
PAGE_SIZE = 4  # A status may be 10 kB long, and an answer is read to 64.
MAX_PAGES = 40


def publish(job: Job) -> Outcome:
    """Take one assignment a step further: look, upload, wait for the video, post."""
    held = tokens.held(job.account)
    if held is None:
        return reauth("token")
    api = _Api(origin_of_host(job.account.host), str(held["access_token"]), job.account.remote_id)
    try:
        return _step(job, api)
    except NotReached:
        return later("unreachable")
    except NoAnswer:
        return indeterminate("unreachable") if job.row.first_tried_at else later("unreachable")


def _step(job: Job, api: _Api) -> Outcome:
    if job.row.last_tried_at is not None:
        if (quiet := looking.seconds_until(job.row, QUIET_SECONDS)) > 0:
            return indeterminate("looking", quiet)
        looked = api.find(looking.link_code_in(job.row.text), job.row.first_tried_at or job.row.last_tried_at)
        if looked is not None:
            return looked
    media_id = ""
    if job.row.what == "clip":
        uploaded = _upload(job, api)
        if isinstance(uploaded, Outcome):
            return uploaded
        media_id = uploaded
    if (why := job.begin()) is not None:
        return why
    try:
        return _posted(api.post(job.row.text, media_id, job.row.remote_key, job.row.language))
    except NotReached:
        return later("unreachable")  # No connection came about: nothing was sent.
    except NoAnswer:
        return indeterminate("unreachable", QUIET_SECONDS)


def _posted(answer: Answer) -> Outcome:
    """The table of what an answer to the post itself means; what is not in it is indeterminate."""
    told = answer.fields()
    if answer.status in (200, 201) and text_in(told, "id", 100):
        return done(text_in(told, "id", 100), _own_url(told))
    if answer.status == 401:
        return reauth("token", is_clear=True)
    if answer.status == 403:
        return refused("forbidden")
    if answer.status == 422:
        return refused("rejected")
    if answer.status == 429:
        return later("busy", wait_told(answer))
    return indeterminate("unclear", QUIET_SECONDS)


def _own_url(told: Mapping[str, Any]) -> str:
    """A status's address as it may stand in a page: https, or the operator's own origin; else nothing."""
    url = text_in(told, "url", 2048)
    is_trusted = any(url.startswith(f"{origin}/") for origin in settings().platform_trusted_origins)
    return url if url.startswith("https://") or is_trusted else ""


def _upload(job: Job, api: _Api) -> str | Outcome:
    """Return the id of a medium that is ready, or how to go on."""
    kept = tokens.decrypt_fields(job.row.remote) or {}
    media_id = str(kept.get("media_id", ""))
    if not media_id:
        with clips.local(job.row) as path:
            if path is None:
                return refused("changed")
            job.note(step="upload", percent=10)
            answer = api.upload(path, job.row.text.partition("\n")[2].partition("\n")[0])
        media_id = text_in(answer.fields(), "id", 100)
        if answer.status not in (200, 202) or not media_id:
            return _not_uploaded(answer)
        job.note(remote=tokens.encrypt_fields({"media_id": media_id}), percent=60)
        return media_id if answer.status == 200 else wait(2.0, "wait", 70)
    answer = api.call("GET", f"/api/v1/media/{quote(media_id, safe='')}")
    if answer.status == 200 and answer.fields().get("url"):
        return media_id
    if answer.status in (200, 202, 206):
        return wait(3.0, "wait", 80)
    if answer.status == 404:
        job.note(remote=None)  # Unused media are removed after a day: it is sent once more.
        return later("media")
    return _not_uploaded(answer)


def _not_uploaded(answer: Answer) -> Outcome:
    """Nothing was published: whatever is not clearly a refusal may be tried again."""
    if answer.status == 401:
        return reauth("token")
    if answer.status == 403:
        return refused("forbidden")
    if answer.status in (413, 422):
        return refused("media")
    return later("busy", wait_told(answer)) if answer.status == 429 else later("unclear")


class _Api:
    """One account on one server."""

    def __init__(self, origin: str, token: str, remote_id: str) -> None:
        self._origin, self._token, self._remote_id = origin, token, remote_id

    def call(self, method: str, path: str, **more: Any) -> Answer:
        headers = {"Authorization": f"Bearer {self._token}", "Accept": "application/json"}
        return ask_stranger(
            method, f"{self._origin}{path}", headers | more.get("headers", {}), more.get("body")
        )

    def upload(self, path: Any, description: str) -> Answer:
        body = multipart_body({"description": description}, "file", "clip.mp4", "video/mp4", path)
        return self.call("POST", "/api/v2/media", body=body)

    def post(self, text: str, media_id: str, key: str, language: str) -> Answer:
        payload: dict[str, Any] = {"status": text, "visibility": "public", "language": language}
        payload |= {"media_ids": [media_id]} if media_id else {}
        return self.call(
            "POST", "/api/v1/statuses", headers={"Idempotency-Key": key}, body=json_body(payload)
        )

    def find(self, code: str, since: datetime) -> Outcome | None:
        """Look for our short link among what was posted since; None when it is certainly not there."""
        path, max_id = f"/api/v1/accounts/{quote(self._remote_id, safe='')}/statuses", ""
        for _ in range(MAX_PAGES):
            query = {"limit": str(PAGE_SIZE), "exclude_reblogs": "true"} | (
                {"max_id": max_id} if max_id else {}
            )
            answer = self.call("GET", f"{path}?{urlencode(query)}")
            found = answer.json()
            if answer.status == 401:
                return reauth("token")
            if answer.status != 200 or not isinstance(found, list):
                return indeterminate("looking", wait_told(answer) if answer.status == 429 else None)
            statuses = [one for one in found if isinstance(one, dict)]
            for one in statuses:
                if re.search(rf"/l/{re.escape(code)}\b", str(one.get("content", ""))):
                    return done(text_in(one, "id", 100), _own_url(one))
            if not statuses or looking.is_older(statuses[-1].get("created_at"), since):
                return None
            max_id = text_in(statuses[-1], "id", 100)
        return indeterminate("looking")


def delete(account: Any, remote_id: str) -> bool:
    """Take a status down; True once it is certainly gone. Raises ``NotReached`` and ``NoAnswer``."""
    held = tokens.held(account)
    if held is None:
        return False
    api = _Api(origin_of_host(account.host), str(held["access_token"]), account.remote_id)
    answer = api.call("DELETE", f"/api/v1/statuses/{quote(remote_id, safe='')}")
    # Half an answer, or a page of something in between, is none of the server's.
    is_named = answer.status == 200 and text_in(answer.fields(), "id", 100) == remote_id
    return is_named or answer.status in (404, 410)


def counts(account: Any, remote_id: str) -> dict[str, int | None] | None:
    """Return likes, reposts and replies; None when it is gone. Raises ``NotReached`` and ``NoAnswer``."""
    held = tokens.held(account)
    if held is None:
        return {}
    api = _Api(origin_of_host(account.host), str(held["access_token"]), account.remote_id)
    answer = api.call("GET", f"/api/v1/statuses/{quote(remote_id, safe='')}")
    if answer.status in (404, 410):
        return None
    told = answer.fields() if answer.status == 200 else {}
    names = {"likes": "favourites_count", "reposts": "reblogs_count", "replies": "replies_count"}
    return {ours: number_in(told, theirs) for ours, theirs in names.items()} if told else {}
