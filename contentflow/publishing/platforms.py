"""The closed list of platforms: what each is called, how its text is counted, what can be done there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

from flask_babel import lazy_gettext as _l
from flask_babel.speaklater import LazyString

Reach = Literal["public", "inbox", "hand"]


@dataclass(frozen=True, kw_only=True)
class Platform:
    """``name`` is its channel too. ``app`` opens it; ``hosts`` are those of a published post's address.

    ``is_spoken``: the product speaks to it. ``has_link`` says whether a link in its text can be pressed,
    ``takes_link`` whether one may stand there; ``needs_video``: words alone make no post there;
    ``can_delete``: we may take a post down there.
    ``label`` is what the partner ticks by hand.
    """

    name: str
    title: str
    app: str
    hosts: tuple[str, ...]
    is_spoken: bool = False
    has_link: bool = True
    takes_link: bool = True
    needs_video: bool = False
    can_delete: bool = True
    label: str | LazyString = ""


class Creator(NamedTuple):
    """What TikTok lets an account's owner choose; ``allows`` what of ``comment``, ``duet``, ``stitch``."""

    name: str
    username: str
    privacies: tuple[str, ...]
    allows: frozenset[str]


_PAID = _l("Ouvre « Paramètres avancés » et active « Partenariat rémunéré ».")

PLATFORMS: Final[Mapping[str, Platform]] = MappingProxyType(
    {
        one.name: one
        for one in (
            Platform(
                name="bluesky",
                title="Bluesky",
                app="https://bsky.app/",
                hosts=("bsky.app",),
                is_spoken=True,
            ),
            Platform(
                name="mastodon",
                title="Mastodon",
                app="https://joinmastodon.org/apps",
                hosts=(),
                is_spoken=True,
            ),
            Platform(
                name="youtube",
                title="YouTube",
                app="https://studio.youtube.com/",
                hosts=("youtube.com", "youtu.be"),
                is_spoken=True,
                can_delete=False,
                has_link=False,
                needs_video=True,
                label=_l(
                    "Dans « Plus d’options », "
                    "coche « Ma vidéo contient une communication commerciale rémunérée »."
                ),
            ),
            Platform(
                name="tiktok",
                title="TikTok",
                app="https://www.tiktok.com/upload",
                hosts=("tiktok.com",),
                is_spoken=True,
                can_delete=False,
                has_link=False,
                takes_link=False,
                needs_video=True,
                label=_l(
                    "Dans « Plus d’options », "
                    "active « Divulguer le contenu commercial », puis « Contenu de marque »."
                ),
            ),
            Platform(
                name="instagram",
                title="Instagram",
                app="https://www.instagram.com/",
                hosts=("instagram.com",),
                has_link=False,
                needs_video=True,
                label=_l(
                    "Dans « Plus d’options », "
                    "active « Ajouter un label Partenariat rémunéré » et choisis la marque."
                ),
            ),
            Platform(
                name="facebook",
                title="Facebook",
                app="https://www.facebook.com/",
                hosts=("facebook.com", "fb.watch"),
                label=_l("Avant de publier, active « Ajouter un label Partenariat rémunéré »."),
            ),
            Platform(
                name="threads",
                title="Threads",
                app="https://www.threads.net/",
                hosts=("threads.net", "threads.com"),
                label=_PAID,
            ),
            Platform(
                name="linkedin",
                title="LinkedIn",
                app="https://www.linkedin.com/feed/",
                hosts=("linkedin.com", "lnkd.in"),
                label=_l("Dans les options du post, active « Partenariat de marque »."),
            ),
            Platform(
                name="x",
                title="X",
                app="https://x.com/compose/post",
                hosts=("x.com", "twitter.com"),
                label=_l("Sous le texte, ouvre « Divulgation » et active « Partenariat rémunéré »."),
            ),
            Platform(
                name="pinterest",
                title="Pinterest",
                app="https://www.pinterest.com/pin-creation-tool/",
                hosts=("pinterest.com", "pinterest.fr", "pin.it"),
                needs_video=True,
                label=_l("Dans « Plus d’options », active « Partenariat rémunéré »."),
            ),
        )
    }
)
# Who may see a video; the owner alone may not: paid content is never private there.
TIKTOK_PRIVACIES: Final = ("PUBLIC_TO_EVERYONE", "MUTUAL_FOLLOW_FRIENDS", "FOLLOWER_OF_CREATOR")
SPOKEN: Final = tuple(one.name for one in PLATFORMS.values() if one.is_spoken)
BY_HAND: Final = tuple(PLATFORMS)  # Whatever can be done by us can be done by hand too.


def title_of(platform: str) -> str:
    return PLATFORMS[platform].title
