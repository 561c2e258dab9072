"""What a post becomes that the team has looked at."""

from __future__ import annotations

import pytest

from contentflow.byop import moderation
from contentflow.byop.models import Submission
from contentflow.core.db import db, transaction
from contentflow.partners.models import Partner
from contentflow.pipeline.models import Asset
from contentflow.pipeline.reasons import SENTENCES, Failure


@pytest.mark.parametrize(
    ("state", "reason", "status", "said"),
    [
        ("failed", "cut_off", "failed", str(SENTENCES[Failure.CUT_OFF])),
        ("ready", None, "ready", None),
        ("processing", None, "processing", None),
    ],
    ids=["failed", "ready", "processing"],
)
def test_an_approved_post_is_what_its_video_is_and_says_why_it_failed(
    alices_post: Submission, olga: Partner, state: str, reason: str | None, status: str, said: str | None
):
    with transaction():
        post = db.session.get_one(Submission, alices_post.id)
        post.status = "submitted"
        asset = db.session.get_one(Asset, post.asset_id)
        asset.state, asset.reason = state, reason

    with transaction():
        moderation.approve(alices_post.id, olga.id)

    db.session.rollback()
    post = db.session.get_one(Submission, alices_post.id)
    assert (post.status, post.reason) == (status, said)
