"""Rule 10: nobody is written to privately but by the partner's own hand; mail has rules of its own."""

from __future__ import annotations

import re

from contentflow.config import ROOT
from contentflow.publishing.drivers import DRIVERS
from contentflow.sharekit.intents import intent_url

# Where a program writes private messages: bots, business accounts, chats.
_PRIVATE = re.compile(
    r"api\.telegram\.org|graph\.facebook\.com|graph\.instagram\.com|api\.whatsapp\.com/(?!send)|chat\.bsky"
    r"|/api/v1/conversations|direct_messages|dm_events|sendMessage|[\"']visibility[\"']:\s*[\"']direct"
)
MESSENGERS = {"whatsapp", "telegram"}


def places_in(text: str) -> list[str]:
    return [found.group() for found in _PRIVATE.finditer(text)]


def test_no_code_of_ours_calls_an_address_of_private_messages() -> None:
    sources = [*(ROOT / "contentflow").rglob("*.py"), *(ROOT / "static" / "js").rglob("*.js")]
    assert len(sources) > 300
    found = {str(file): places for file in sources if (places := places_in(file.read_text()))}
    assert found == {}
    assert places_in('post("https://api.telegram.org/bot1/sendMessage", {"visibility": "direct"})') != []


def test_who_is_written_to_by_a_program_is_the_partners_own_public_account() -> None:
    assert set(DRIVERS) == {"bluesky", "mastodon", "tiktok", "youtube"}
    assert not MESSENGERS & set(DRIVERS)


def test_a_messenger_is_a_link_that_a_person_opens() -> None:
    hosts = {"whatsapp": "https://wa.me/", "telegram": "https://t.me/share/url"}
    for channel, address in hosts.items():
        assert intent_url(channel, "words", "words", "https://example.org/l/x").startswith(address)
