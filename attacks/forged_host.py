"""Hosts and forwarded headers that name another site: none of them stands in an answer or in a mail.

ATTACK_LOGIN=https://… python attacks/forged_host.py URL
"""

from __future__ import annotations

import contextlib
import re
import secrets
import socket
import sys
from urllib.parse import urlencode, urlsplit

from browser import Browser, partner
from foreign_objects import brought

EVIL = "forged.example"
PATHS = (
    "/",
    "/partner/login",
    "/byop/new",
    "/legal",
    "/robots.txt",
    "/.well-known/security.txt",
    "/nowhere",
    "/p/x",
)
# Each is added to a request that names the right host.
HEADERS = (
    f"X-Forwarded-Host: {EVIL}", f"X-Host: {EVIL}", f"X-Forwarded-Server: {EVIL}", f"X-Original-Host: {EVIL}",
    f"Forwarded: for=127.0.0.1;host={EVIL};proto=https", f"X-HTTP-Host-Override: {EVIL}", 
    f"X-Rewrite-URL: //{EVIL}/",
    f"X-Original-URL: //{EVIL}/", f"X-Forwarded-Prefix: //{EVIL}", f"X-Script-Name: //{EVIL}",
    f"Script_Name: //{EVIL}", f"X-Forwarded-Proto: {EVIL}", f"X-Forwarded-Port: 80@{EVIL}", f"Via: {EVIL}",
)  # fmt: skip
SECONDS = 10.0


def wrong_hosts(host: str) -> tuple[str, ...]:
    """Return values of ``Host`` that are none of ours, however alike they look."""
    return (
        EVIL, f"{host}.{EVIL}", f"{EVIL}:80", f"{host}@{EVIL}", f"{EVIL}#{host}", f"{EVIL}/{host}",
        f"{host}, {EVIL}", f"{EVIL}\\{host}", "127.0.0.1.forged.example", "forged.example.",
        "[forged.example]", "[::1].forged.example", "[::1]@forged.example", "%6cocalhost.forged.example", "",
        "a" * 5000 + ".forged.example", "xn--80ak6aa92e.example", "ⓔvil.example",
        "forged.example%00localhost",
    )  # fmt: skip


def asked(url: str, head: str) -> str:
    """Return all that comes back; nothing of ``head`` is corrected on its way."""
    parts, said = urlsplit(url), b""
    address = parts.hostname or "", parts.port or 80
    with contextlib.suppress(OSError), socket.create_connection(address, timeout=SECONDS) as line:
        line.sendall(head.encode() + b"\r\nConnection: close\r\n\r\n")
        while more := line.recv(65_536):
            said += more
    return said.decode(errors="replace")


def status_in(answer: str) -> int:
    return int(found[1]) if (found := re.match(r"HTTP/1\.[01] (\d{3})", answer)) else 0


def mailed(url: str, header: str) -> str:
    """Ask for a login mail with a header of another site; return what the local mailbox then shows."""
    mallory, word = Browser(url), f"{secrets.token_hex(6)}@example.org"
    mallory.read_token("/partner/login")
    name, _, value = header.partition(": ")
    body = urlencode({"csrf_token": mallory.token, "email": word}).encode()
    mallory.ask("POST", "/partner/login", body, {name: value})
    return "\n".join(
        mallory.get(f"{path}/mail").text
        for path in sorted(set(re.findall(r"/dev/mailbox/\w+", mallory.get("/dev/mailbox").text)))
    )


def main(url: str) -> int:
    host, fallen, answers = urlsplit(url).netloc, [], 0
    for path in PATHS:
        for wrong in wrong_hosts(host):
            answers += 1
            answer = asked(url, f"GET {path} HTTP/1.1\r\nHost: {wrong}")
            if EVIL in answer or status_in(answer) not in (0, 400, 408, 431):
                fallen.append(f"Host: {wrong[:40]} {path} {status_in(answer)}")
        for header in HEADERS:
            answers += 1
            answer = asked(url, f"GET {path} HTTP/1.1\r\nHost: {host}\r\n{header}")
            if EVIL in answer or not 200 <= status_in(answer) < 500:
                fallen.append(f"{header} {path} {status_in(answer)}")
        for target in (f"http://{EVIL}{path}", f"//{EVIL}{path}", f"http://{host}@{EVIL}{path}"):
            answers += 1
            answer = asked(url, f"GET {target} HTTP/1.1\r\nHost: {host}")
            if re.search(rf"^Location:.*{EVIL}|(?:href|src|action)=\S*//{EVIL}", answer, re.MULTILINE):
                fallen.append(f"{target} {status_in(answer)}")
    alice = partner(url)
    post = brought(alice, secrets.token_hex(8))
    for header in HEADERS:
        name, _, value = header.partition(": ")
        kit = alice.get(f"/byop/kit?id={post}", {name: value}).text
        if EVIL in kit or EVIL in alice.get(f"/byop/email/preview?id={post}", {name: value}).text:
            fallen.append(f"{header} in the kit")
        answers += 2
    if EVIL in mailed(url, HEADERS[0]):
        fallen.append("a login mail")
    print(
        f"{answers} answers to another site's name: {len(fallen)} believe it"
        f"{''.join(f'; {one}' for one in fallen)}"
    )
    return int(bool(fallen))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1].rstrip("/")))
