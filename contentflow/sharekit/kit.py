"""What a kit is made of: plain facts, and the texts and intents composed from them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from contentflow.byop.clips import Clip
from contentflow.byop.lengths import LIMITS
from contentflow.byop.models import Submission
from contentflow.byop.words import AD_MARK, Words, share_text
from contentflow.config import Settings
from contentflow.ledger.services import UNAPPROVED
from contentflow.links.sentences import VerdictLine, channel_name, explain
from contentflow.offers.models import Offer
from contentflow.sharekit.intents import INTENT_CHANNELS, intent_url
from contentflow.sharekit.turns import Showing


class ShareText(NamedTuple):
    """A text as ``channel`` takes it; ``length`` as that network counts, ``maximum`` None for no limit."""

    channel: str
    text: str
    length: int
    maximum: int | None

    @property
    def is_too_long(self) -> bool:
        return self.maximum is not None and self.length > self.maximum


class Kit(NamedTuple):
    """All that the kit's page shows. ``shares`` names every channel, the other counts only what occurred."""

    submission: Submission
    offer: Offer | None
    words: Words
    disclosure: str
    page_url: str
    urls: Mapping[str, str]
    texts: Mapping[str, ShareText]
    intents: Mapping[str, str]
    shares: Mapping[str, int]
    verdicts: Mapping[str, int]
    valid_by_channel: Mapping[str, int]
    clip: Clip | None
    earned: Mapping[str, int]  # cents by account
    showing: Showing

    @property
    def earned_cents(self) -> int:
        return sum(cents for account, cents in self.earned.items() if account != UNAPPROVED)

    @property
    def is_archived(self) -> bool:
        return self.submission.archived_at is not None

    @property
    def is_waiting(self) -> bool:
        """Whether it waits for the team, or was refused by it: nothing of it is shared."""
        return self.submission.is_waiting

    @property
    def short_url(self) -> str:
        return self.urls["copy"]

    @property
    def hits(self) -> int:
        return sum(self.verdicts.values())

    @property
    def valid(self) -> int:
        return self.verdicts.get("valid", 0)

    @property
    def shared(self) -> int:
        return sum(self.shares.values())

    @property
    def explained(self) -> list[VerdictLine]:
        return explain(self.verdicts)

    @property
    def best_channels(self) -> list[tuple[str, int]]:
        """The names of the channels with valid clicks, the best first."""
        found = sorted(self.valid_by_channel.items(), key=lambda pair: -pair[1])
        return [(channel_name(channel), count) for channel, count in found if count]


class PublicClip(NamedTuple):
    """Addresses of an approved clip; ``cover`` is as tall as the clip, ``poster`` as wide as a preview."""

    url: str
    cover: str
    poster: str
    captions: str | None


class PublicPost(NamedTuple):
    """What anybody may see of a post; ``url`` is the short link of the code that was asked for."""

    words: Words
    disclosure: str
    offer: Offer | None
    url: str
    page_url: str
    clip: PublicClip | None = None

    @property
    def hashtags(self) -> str:
        return " ".join([tag for tag in self.words.hashtags.split() if tag.casefold() != AD_MARK] + [AD_MARK])

    @property
    def summary(self) -> str:
        """The disclosure, then one line of the post: for previews, which show little."""
        line = " ".join(self.words.description.split()) or self.words.cta
        return f"{self.disclosure} · {line}"[:200]


class Shown(NamedTuple):
    """What a mail may show of its post: its public page and, of an approved clip, the wide picture."""

    page_url: str
    picture: str = ""


def compose(words: Words, channel: str, url: str, chosen: Settings) -> ShareText:
    limit = LIMITS[channel]
    text = _share_text(words, channel, url, chosen)
    return ShareText(channel, text, limit.count(text), limit.maximum)


def intents_of(
    words: Words, urls: Mapping[str, str], texts: Mapping[str, ShareText], chosen: Settings
) -> dict[str, str]:
    """Return for each network the link that opens it; where it adds the link itself, the text has none."""
    return {
        channel: intent_url(
            channel,
            texts[channel].text,
            _share_text(words, channel, urls[channel], chosen, is_link_apart=True),
            urls[channel],
        )
        for channel in INTENT_CHANNELS
        if channel in urls
    }


def _share_text(words: Words, channel: str, url: str, chosen: Settings, is_link_apart: bool = False) -> str:
    limit = LIMITS[channel]
    return share_text(
        words,
        url,
        chosen.ad_disclosure,
        limit.maximum,
        limit.count,
        default_hashtags=chosen.sharekit_default_hashtags,
        is_link_apart=is_link_apart,
    )
