"""Bluesky: a post is a record of the account's repository, under a key that we choose before the first try.

A second try on the same key makes nothing, so whatever came of the first is found under it.
https://docs.bsky.app/docs/api/com-atproto-repo-create-record
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from contentflow.config import settings
from contentflow.core.bodies import Body, file_body, json_body
from contentflow.core.outbound import Answer
from contentflow.publishing import bluesky_record, clips, dpop, tokens
from contentflow.publishing.bluesky_record import COLLECTION
from contentflow.publishing.calls import (
    NoAnswer,
    NotReached,
    ask,
    ask_stranger,
    number_in,
    text_in,
    wait_told,
)
from contentflow.publishing.models import SocialAccount
from contentflow.publishing.outcomes import Outcome, done, indeterminate, later, reauth, refused
from contentflow.publishing.outgoing import Job
from contentflow.publishing.refreshing import NoTokens, usable_tokens

LOOK_SECONDS = 5.0
# Of a 400 or 401: the token is no good, and nothing else was judged.
DEAD_TOKEN = ("ExpiredToken", "InvalidToken", "AuthMissing", "AuthenticationRequired")
GONE = ("RecordNotFound",)
FORBIDDEN = ("AccountTakedown", "AccountDeactivated", "RepoDeactivated", "RepoTakendown", "ScopeMissingError")


def publish(job: Job) -> Outcome:
    """Take one assignment a step further: look, upload, post."""
    try:
        return _step(job, _Repository(job.account))
    except NoTokens as missing:
        return missing.outcome
    except NotReached:
        return later("unreachable")
    except NoAnswer:
        return indeterminate("unreachable") if job.row.first_tried_at else later("unreachable")


def _step(job: Job, api: _Repository) -> Outcome:
    if job.row.last_tried_at is not None:
        looked = api.find(job.row.remote_key)
        if looked is not None:
            return looked
    embed = _embed(job, api)
    if isinstance(embed, Outcome):
        return embed
    if (why := job.begin()) is not None:
        return why
    created_at = job.row.first_tried_at
    assert created_at is not None
    record = bluesky_record.record(job.row.text, created_at, job.row.language, embed)
    try:
        return _posted(job, api, api.create(job.row.remote_key, record))
    except NotReached:
        return later("unreachable")  # No connection came about: nothing was sent.
    except NoAnswer:
        return indeterminate("unreachable", LOOK_SECONDS)


def _posted(job: Job, api: _Repository, answer: Answer) -> Outcome:
    """The table of what an answer to the post itself means; what is not in it is indeterminate."""
    name = text_in(answer.fields(), "error")
    if answer.status == 200 and text_in(answer.fields(), "uri", 500) == api.uri_of(job.row.remote_key):
        return api.done(job.row.remote_key)
    if answer.status == 401 or name in DEAD_TOKEN:
        return reauth("token", is_clear=True)
    if answer.status == 403 or name in FORBIDDEN:
        return refused("forbidden")
    if name == "BlobNotFound" or "find blob" in text_in(answer.fields(), "message"):
        job.note(remote=None)  # What nobody refers to is removed after some hours: it is sent once more.
        return later("media")
    if answer.status in (400, 413):
        return refused("rejected")
    if answer.status == 429:
        return later("busy", wait_told(answer))
    return indeterminate("unclear", LOOK_SECONDS)


# What is uploaded before


def _embed(job: Job, api: _Repository) -> dict[str, Any] | Outcome:
    """Return what stands below the words: the video with its captions, else the link's card."""
    kept = tokens.decrypt_fields(job.row.remote) or {}
    names = {"clip": "video/mp4", "vtt": "text/vtt"} if job.row.what == "clip" else {"poster": "image/jpeg"}
    for place, (name, kind) in enumerate(names.items()):
        if name in kept:
            continue
        with clips.local(job.row, name) if name != "poster" else clips.public_picture(job.row) as path:
            if path is None and name == "clip":
                return refused("changed")
            job.note(step="upload", percent=10 + 40 * place)
            sent = api.upload(path, kind) if path is not None else None
        if isinstance(sent, Outcome):
            return sent
        kept[name] = sent
        job.note(remote=tokens.encrypt_fields(kept), percent=50 + 40 * place)
    if job.row.what == "clip":
        alt = job.row.text.partition("\n")[2].partition("\n")[0]
        return bluesky_record.video(kept["clip"], kept["vtt"], alt)
    return bluesky_record.card(job.row.text, kept["poster"])


def _not_uploaded(answer: Answer) -> Outcome:
    """Nothing was published: whatever is not clearly a refusal may be tried again."""
    name = text_in(answer.fields(), "error")
    if answer.status == 401 or name in DEAD_TOKEN:
        return reauth("token")
    if answer.status == 403 or name in FORBIDDEN:
        return refused("forbidden")
    if answer.status in (400, 413):
        return refused("media")
    return later("busy", wait_told(answer)) if answer.status == 429 else later("unclear")


class _Repository:
    """One account on its server."""

    def __init__(self, account: SocialAccount) -> None:
        self._account_id, self._did = account.id, account.remote_id
        self._server = str((tokens.held(account) or {}).get("server", ""))

    def uri_of(self, key: str) -> str:
        return f"at://{self._did}/{COLLECTION}/{key}"

    def done(self, key: str) -> Outcome:
        return done(key, f"https://bsky.app/profile/{self._did}/post/{key}")

    def call(self, name: str, body: Callable[[], Body]) -> Answer:
        """Call with the account's tokens; a token that is dead is refreshed once: nothing came of it."""
        held = usable_tokens(self._account_id)
        answer = self._call(held, name, body)
        is_dead = answer.status == 400 and text_in(answer.fields(), "error") in DEAD_TOKEN
        if answer.status != 401 and not is_dead:
            return answer
        held = usable_tokens(self._account_id, refused=str(held["access_token"]))
        return self._call(held, name, body)

    def _call(self, held: Mapping[str, Any], name: str, body: Callable[[], Body]) -> Answer:
        url = f"{held['server']}/xrpc/{name}"
        return dpop.call("POST", url, held["key"], str(held["access_token"]), body)

    def create(self, key: str, record: Mapping[str, Any]) -> Answer:
        payload = {"repo": self._did, "collection": COLLECTION, "rkey": key, "record": record}
        return self.call("com.atproto.repo.createRecord", lambda: json_body(payload))

    def delete(self, key: str) -> Answer:
        payload = {"repo": self._did, "collection": COLLECTION, "rkey": key}
        return self.call("com.atproto.repo.deleteRecord", lambda: json_body(payload))

    def upload(self, path: Path, kind: str) -> dict[str, Any] | Outcome:
        """Return the blob as a record refers to it, or how to go on."""
        answer = self.call("com.atproto.repo.uploadBlob", lambda: file_body(kind, path))
        blob = answer.fields().get("blob")
        if answer.status == 200 and isinstance(blob, dict) and isinstance(blob.get("ref"), dict):
            return {name: blob[name] for name in ("$type", "ref", "mimeType", "size") if name in blob}
        return _not_uploaded(answer)

    def find(self, key: str) -> Outcome | None:
        """Look under the key; None when it is certainly not there. Anybody may ask that."""
        query = urlencode({"repo": self._did, "collection": COLLECTION, "rkey": key})
        answer = ask_stranger("GET", f"{self._server}/xrpc/com.atproto.repo.getRecord?{query}")
        if answer.status == 200 and text_in(answer.fields(), "uri", 500) == self.uri_of(key):
            return self.done(key)
        if answer.status in (400, 404) and text_in(answer.fields(), "error") in GONE:
            return None
        return indeterminate("looking", wait_told(answer) if answer.status == 429 else None)


# Afterwards


def delete(account: SocialAccount, remote_id: str) -> bool:
    """Take a post down; True once it is certainly gone. Raises ``NotReached`` and ``NoAnswer``."""
    try:
        answer = _Repository(account).delete(remote_id)
        # Also for what is not there any more; half an answer is none of the server's.
        return answer.status == 200 and isinstance(answer.json(), dict)
    except NoTokens:
        return False


def counts(account: SocialAccount, remote_id: str) -> dict[str, int | None] | None:
    """Return likes, reposts and replies; None when it is gone. Raises ``NotReached`` and ``NoAnswer``."""
    api = _Repository(account)
    if api.find(remote_id) is None:
        return None
    query = urlencode({"uris": api.uri_of(remote_id)})
    answer = ask("GET", f"{settings().bluesky_appview_url}/xrpc/app.bsky.feed.getPosts?{query}")
    found = answer.fields().get("posts") if answer.status == 200 else None
    told = found[0] if isinstance(found, list) and found and isinstance(found[0], dict) else {}
    names = {"likes": "likeCount", "reposts": "repostCount", "replies": "replyCount"}
    return {ours: number_in(told, theirs) for ours, theirs in names.items()} if told else {}
