"""One form pressed 20 times at once, half of them with other content: two posts, and one mail to each person.

ATTACK_LOGIN=https://… python attacks/reused_nonce.py URL      (sends to addresses of example.org: RFC 2606)
"""

from __future__ import annotations

import secrets
import sys
from concurrent.futures import ThreadPoolExecutor

from browser import Answer, Browser, partner

TIMES = 20
KINDS = 2


def at_once(mallory: Browser, path: str, forms: list[dict[str, str]]) -> list[Answer]:
    """Press ``TIMES`` times, in turn with each of the forms."""
    with ThreadPoolExecutor(TIMES) as hands:
        pressed = [hands.submit(mallory.post, path, **forms[number % len(forms)]) for number in range(TIMES)]
        return [press.result() for press in pressed]


def main(url: str) -> int:
    mallory, nonce = partner(url), secrets.token_hex(8)
    posts = [{"title": f"{nonce} {kind}", "nonce": nonce} for kind in range(KINDS)]
    answers = at_once(mallory, "/byop/submit", posts)
    kept = [post["id"] for post in mallory.export()["submissions"] if post["title"].startswith(nonce)]
    people = [f"{nonce}.{number}@example.org" for number in range(3)]
    sends = [
        {"sid": kept[0] if kept else "", "nonce": nonce, "consent": "1", "emails": "\n".join(people[:count])}
        for count in (2, 3)
    ]
    answers += at_once(mallory, "/byop/email", sends)
    mailed = [sent["recipient"] for sent in mallory.export()["deliveries"] if nonce in sent["recipient"]]
    refused = sum(answer.status >= 400 for answer in answers)
    print(
        f"{TIMES} presses of one form with two contents: {len(kept)} posts; {TIMES} sends to "
        f"{len(people)} people: {len(mailed)} mails; {refused} presses refused"
    )
    return int(len(kept) != KINDS or sorted(mailed) != people or refused > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1].rstrip("/")))
