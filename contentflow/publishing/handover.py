"""By hand: all that a platform needs on one page, in the order in which a thumb goes through it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from flask_babel import gettext as _

from contentflow.byop.models import Submission
from contentflow.config import settings
from contentflow.core.db import db
from contentflow.core.errors import NotFound
from contentflow.publishing import posts, services
from contentflow.publishing.models import Assignment, SocialAccount
from contentflow.publishing.plan import Plan, youtube_title
from contentflow.publishing.platforms import PLATFORMS, Platform


class Step(NamedTuple):
    """``kind`` is ``save``, ``copy``, ``link``, ``open`` or ``label``; ``text`` is what is copied."""

    kind: str
    title: str
    text: str = ""


class HandOver(NamedTuple):
    """All that the page shows; ``app`` opens the platform."""

    row: Assignment
    submission: Submission
    platform: Platform
    text: str
    has_clip: bool
    app: str
    steps: Sequence[Step]

    @property
    def is_open(self) -> bool:
        """Whether it waits for the partner's answer."""
        return self.row.state in ("needs_hand", "unknown")


def hand_over(partner_id: str, assignment_id: str) -> HandOver:
    """Return what is handed over, as the post is now. Raises ``NotFound``, also for another partner's."""
    row = services.get_assignment(partner_id, assignment_id)
    submission = db.session.get(Submission, row.submission_id)
    now = posts.plan_of(row)
    if submission is None or now is None:
        raise NotFound
    has_clip = now.what == "clip" and not any(note.code == "not_approved" for note in now.notes)
    platform = PLATFORMS[row.platform]
    return HandOver(
        row, submission, platform, now.text, has_clip, _app(row, platform), _steps(now, submission, has_clip)
    )


def _app(row: Assignment, platform: Platform) -> str:
    """Return what opens the app: of a Mastodon account its own server."""
    account = db.session.get(SocialAccount, row.account_id) if row.account_id else None
    return f"https://{account.host}/publish" if account and row.platform == "mastodon" else platform.app


def _steps(now: Plan, submission: Submission, has_clip: bool) -> list[Step]:
    """At most five, the label always among them."""
    name = now.platform.title
    steps = [Step("save", _("Enregistre la vidéo sur ton téléphone"))] if has_clip else []
    if now.platform.name == "youtube":
        steps.append(Step("copy", _("Copie le titre"), youtube_title(now.text)))
    steps.append(Step("copy", _("Copie le texte"), now.text))
    if not now.platform.takes_link or now.platform.name in ("instagram", "pinterest"):
        link = posts.post_of(submission).urls.get(now.platform.name, "")
        place = (
            _("Mets ce lien dans ta bio")
            if now.platform.name != "pinterest"
            else _("Mets ce lien sur l’épingle")
        )
        steps.append(Step("link", place, link))
    steps.append(Step("open", _("Ouvre %(name)s et colle", name=name)))
    if now.platform.label:
        steps.append(Step("label", str(now.platform.label)))
    else:
        mention = settings().ad_disclosure
        steps.append(Step("label", _("Garde « %(mention)s » en tête et #ad à la fin", mention=mention)))
    return steps[:1] + steps[-4:] if len(steps) > 5 else steps
