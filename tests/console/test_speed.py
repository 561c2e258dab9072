"""What each page of the console asks of the database: twelve statements at most, however many rows."""

from __future__ import annotations

import pytest

from contentflow.byop import services as byop
from contentflow.byop.services import Draft
from contentflow.core.db import transaction
from tests.console.test_pages import PAGES
from tests.guards.test_queries import statements

MOST = 12
BOARDS = [
    "/console/posts?state=submitted", "/console/holds?state=open&reason=suspicion", "/console/payouts",
    "/console/partners?state=warned", "/console/conversions?state=unattributed", "/console/mail?state=paused",
    "/console/networks?state=rotating", "/console/offers?state=ending",
]  # fmt: skip


@pytest.mark.parametrize(
    "path", [*PAGES, *BOARDS, "/console/partners/{alice}", "/console/conversions/{sale}"]
)
def test_a_page_asks_twelve_times_at_most(
    olga_client, alice, alices_post, postback, click, path: str
) -> None:
    postback("S-1", click_id=click(verdict="self"))
    sale = postback("N-1").id
    with transaction():
        for number in range(8):
            byop.submit_post(alice.id, Draft(title=str(number), nonce=f"n{number}"))
    url = path.format(alice=alice.id, sale=sale)
    olga_client.get(url)

    with statements() as seen:
        answer = olga_client.get(url)

    assert answer.status_code == 200
    assert len(seen) <= (MOST if path != "/console/health" else 30), "\n".join(seen)
