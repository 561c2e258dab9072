"""Everything too large, too many or too deep: a refusal in time, and others are answered meanwhile.

ATTACK_LOGIN=https://… python attacks/oversize.py URL
"""

from __future__ import annotations

import contextlib
import gzip
import json
import re
import secrets
import socket
import sys
import threading
import time
from urllib.parse import urlencode, urlsplit

from browser import Browser, partner
from foreign_objects import brought
from slow_clients import seconds_of

MEGABYTE = 1024 * 1024
SECONDS = 10.0
MAX_SECONDS = 5.0  # to the refusal
OTHERS_SECONDS = 2.0
FORM = "application/x-www-form-urlencoded"


def parts(count: int, size: int, filename: str = "") -> bytes:
    file = f'; filename="{filename}"' if filename else ""
    return (
        b"".join(
            b'--b\r\nContent-Disposition: form-data; name="f%d"%s\r\n\r\n%s\r\n'
            % (number, file.encode(), b"a" * size)
            for number in range(count)
        )
        + b"--b--\r\n"
    )


def shapes(browser: Browser, post: str) -> dict[str, tuple[str, str, dict[str, str], bytes]]:
    """Return what is too much: method, path, headers, body. Each may be answered, but with no 5xx."""
    token, long, kit = browser.token, "a" * 60_000, f"/byop/kit?id={post}"
    form, multi = {"Content-Type": FORM}, {"Content-Type": "multipart/form-data; boundary=b"}
    told = {"Content-Type": "application/json"}

    def fields(**more: str) -> bytes:
        return urlencode({"csrf_token": token, "nonce": secrets.token_hex(8)} | more).encode()

    return {
        "address of 60 kB": ("GET", f"/{long}", {}, b""),
        "query of 60 kB": ("GET", f"/?{long}", {}, b""),
        "10,000 parameters": ("GET", kit + "&a=1" * 10_000, {}, b""),
        "2,000 folders": ("GET", "/a" * 2_000, {}, b""),
        "header of 60 kB": ("GET", "/", {"X-Long": long}, b""),
        "500 headers": ("GET", "/", {f"X-{number}": "a" for number in range(500)}, b""),
        "cookie of 30 kB": ("GET", "/", {"Cookie": f"session={long[:30_000]}"}, b""),
        "1,000 cookies": ("GET", "/", {"Cookie": "; ".join(f"c{number}=1" for number in range(1_000))}, b""),
        "5,000 languages": ("GET", "/", {"Accept-Language": ",".join(["fr;q=0.1"] * 5_000)}, b""),
        "3,000 ranges": ("GET", "/static/css/app.css", {"Range": "bytes=" + ",".join(["0-"] * 3_000)}, b""),
        "3,000 tags": ("GET", "/static/css/app.css", {"If-None-Match": ",".join(['"a"'] * 3_000)}, b""),
        "1,000 addresses of proxies": ("GET", "/", {"X-Forwarded-For": ",".join(["1.2.3.4"] * 1_000)}, b""),
        "code of 5,000": ("GET", f"/l/{long[:5_000]}", {}, b""),
        "token of 5,000": ("GET", f"/unsubscribe/{long[:5_000]}", {}, b""),
        "login token of 5,000": ("GET", f"/partner/login/{long[:5_000]}", {}, b""),
        "id of 5,000": ("GET", f"/byop/kit?id={long[:5_000]}", {}, b""),
        "title of 50 kB": ("POST", "/byop/submit", form, fields(title=long[:50_000])),
        "hashtags of 50 kB": ("POST", "/byop/submit", form, fields(title="a", hashtags="#a " * 16_000)),
        "title of combining marks": ("POST", "/byop/submit", form, fields(title="Z" + "\u0316" * 10_000)),
        "URL of 50 kB": ("POST", "/byop/submit", form, fields(source_url=f"http://a.example/{long}")),
        "fields of 100 kB": ("POST", "/byop/submit", form, fields(title="a" * 100_000)),
        "20,000 fields": ("POST", "/byop/submit", form, b"&".join([b"a=1"] * 20_000)),
        "3,000 addresses": ("POST", "/byop/email", form, fields(sid=post, emails="a@b.example\n" * 3_000)),
        "an address of 40 kB": ("POST", "/byop/email", form, fields(sid=post, emails=f"{long}@b.example")),
        "login of 40 kB": ("POST", "/partner/login", form, fields(email=f"{long}@b.example")),
        "nonce of 40 kB": ("POST", "/byop/submit", form, fields(title="a", nonce=long[:40_000])),
        "body of 40 MB": ("POST", "/byop/submit", form, b"a" * 40 * MEGABYTE),
        "JSON of 40 MB": ("POST", "/postback/attack", told, b" " * 40 * MEGABYTE),
        "5,000 parts": ("POST", "/byop/submit", multi, parts(5_000, 1)),
        "a part of 10 MB": ("POST", "/byop/submit", multi, parts(1, 10 * MEGABYTE)),
        "file name of 60 kB": ("POST", "/byop/submit", multi, parts(1, 1, long)),
        "part's header of 1 MB": ("POST", "/byop/submit", multi, b"--b\r\nX-A: " + b"a" * MEGABYTE),
        "a boundary never met": ("POST", "/byop/submit", multi, b"--c\r\n" * 200_000),
        "JSON 50,000 deep": ("POST", "/postback/attack", told, b"[" * 50_000),
        "JSON objects 10,000 deep": ("POST", "/postback/attack", told, b'{"a":' * 10_000),
        "number of 50,000 digits": ("POST", "/postback/attack", told, b'{"a":' + b"9" * 50_000 + b"}"),
        "zip bomb": (
            "POST", "/postback/attack", told | {"Content-Encoding": "gzip"},
            gzip.compress(bytes(20 * MEGABYTE)),
        ),
        "deep but small": ("POST", "/postback/attack", told, json.dumps({"a": [[[[]]]]}).encode()),
    }  # fmt: skip


def send(browser: Browser, shape: tuple[str, str, dict[str, str], bytes]) -> tuple[int, float]:
    """Return the status, 0 where there is none, and the seconds that it took."""
    method, path, headers, body = shape
    split = urlsplit(browser.url)
    lines = {"Host": split.netloc, "Cookie": browser.cookies(), "Connection": "close"} | headers
    if method == "POST":
        lines["Content-Length"] = str(len(body))
    head = f"{method} {path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    began, said = time.monotonic(), b""
    address = split.hostname or "", split.port or 80
    with contextlib.suppress(OSError), socket.create_connection(address, timeout=SECONDS) as line:
        threading.Thread(target=push, args=(line, head.encode() + b"\r\n" + body), daemon=True).start()
        while len(said) < 65_536 and (more := line.recv(65_536)):
            said += more
    found = re.match(rb"HTTP/1\.[01] (\d{3})", said)
    return (int(found[1]) if found else 0), time.monotonic() - began


def push(line: socket.socket, data: bytes) -> None:
    """Send on while the answer is already being read: a refusal comes before the end."""
    with contextlib.suppress(OSError):
        line.sendall(data)


class Watch:
    """How long somebody else waits meanwhile."""

    def __init__(self, url: str) -> None:
        self.slowest, self._url, self._end = 0.0, url, threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._end.wait(0.1):
            self.slowest = max(self.slowest, seconds_of(f"{self._url}/healthz"))


def main(url: str) -> int:
    mallory = partner(url)
    post = brought(mallory, secrets.token_hex(8))
    fallen, slowest, tried = [], 0.0, shapes(mallory, post)
    with Watch(url) as others:
        for name, shape in tried.items():
            status, seconds = send(mallory, shape)
            slowest = max(slowest, seconds)
            if status == 0 or status >= 500 or seconds > MAX_SECONDS:
                fallen.append(f"{name} {status} {seconds:.1f} s")
    print(
        f"{len(tried)} kinds of too much: {len(fallen)} not borne{''.join(f'; {one}' for one in fallen)}; "
        f"slowest answer {slowest:.2f} s, to others {others.slowest:.2f} s"
    )
    return int(bool(fallen) or others.slowest > OTHERS_SECONDS)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1].rstrip("/")))
