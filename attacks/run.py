"""Run every attack, or those that are named, against a product: ``python attacks/run.py [URL] [NAME …]``.

Without a URL it starts one of its own, in an empty folder, with an offer and a network, and gives each attack
two partners of its own. Against another product the environment holds what an attack needs.
"""

from __future__ import annotations

import os
import shlex
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
NO_ATTACK = {"run", "__init__", "browser", "next_day", "routes"}
NOT_TRIED = 2
START_SECONDS = 60.0
COMMAND = [sys.executable, "-m", "contentflow"]
NEXT_DAY = shlex.join([sys.executable, str(HERE / "next_day.py")])
ROUTES = shlex.join([sys.executable, str(HERE / "routes.py")])
PEOPLE = {
    "ATTACK_LOGIN": ("mallory",),
    "ATTACK_OTHER_LOGIN": ("alice",),
    "ATTACK_OPERATOR_LOGIN": ("olga", "--operator"),
    "ATTACK_SUSPENDED_LOGIN": ("sam",),
}
OFFER = ("Attack", "https://shop.example.org/?click={click_id}", "--click-cents", "5")


def names() -> list[str]:
    return sorted(path.stem for path in HERE.glob("*.py") if path.stem not in NO_ATTACK)


# What is off answers 404 and shows nothing either.
PAYS = {
    "PAYOUTS_ENABLED": "true",
    "PROGRAMME_NAME": "Programme",
    "PROGRAMME_SIREN": "552100554",
    "PROGRAMME_ADDRESS": "10 place de l’Étoile, 75008 Paris",
    "PROGRAMME_IBAN": "FR7630006000011234567890189",
    "PROGRAMME_BIC": "AGRIFRPP",
}


@contextmanager
def started() -> Iterator[tuple[str, Callable[[str], dict[str, str]]]]:
    """Serve a product; yields its URL and what gives an attack, by name, its environment."""
    with tempfile.TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as door:
        port = door.getsockname()[1]
        door.close()
        own = {
            "ENV": "development",
            "DATA_DIR": folder,
            "PORT": str(port),
            "DATABASE_URL": "",
            "HUEY_URL": "",
            "SUBMIT_PER_MINUTE": "100000",  # What limits refuse shows nothing of what lies behind them.
            "EMAIL_PER_MINUTE": "100000",
            **PAYS,
        }
        environ = {**os.environ, **own}
        with Path(folder, "log").open("w") as log:
            product = subprocess.Popen([*COMMAND, "serve"], env=environ, cwd=HERE.parent, stderr=log)
        try:
            url = f"http://127.0.0.1:{port}"
            wait_for(url)
            say(environ, "offer", "add", *OFFER)
            secret = say(environ, "network", "add", "attack")
            common = own | {
                "ATTACK_NETWORK": "attack",
                "ATTACK_SECRET": secret,
                "ATTACK_NEXT_DAY": NEXT_DAY,
                "ATTACK_ROUTES": ROUTES,
                "ATTACK_COMMAND": shlex.join(COMMAND),
                "ATTACK_DATA_DIR": folder,
            }
            yield url, lambda name: common | logins(name, environ)
        finally:
            product.terminate()
            product.wait(15)


def say(environ: dict[str, str], *words: str) -> str:
    """Return what a command of the product prints."""
    command = [*COMMAND, *words]
    done = subprocess.run(
        command, env=environ, cwd=HERE.parent, stdout=subprocess.PIPE, text=True, check=True
    )
    return done.stdout.strip()


def logins(name: str, environ: dict[str, str]) -> dict[str, str]:
    """Return the login links that an attack's script asks for, of partners that no other attack has."""
    script = (HERE / f"{name}.py").read_text()
    found = {}
    for variable, (person, *options) in PEOPLE.items():
        if f"{variable}=" in script:  # Its docstring says what it needs.
            email = f"{person}.{name}@example.org"
            say(environ, "partner", "add", email, *options)
            found[variable] = say(environ, "partner", "login-link", email)
            found["ATTACK_KNOWN"] = email
            if person == "sam":
                found["ATTACK_SUSPEND"] = shlex.join([*COMMAND, "partner", "suspend", email])
    return found


def wait_for(url: str) -> None:
    until = time.monotonic() + START_SECONDS
    while True:
        try:
            urllib.request.urlopen(f"{url}/readyz", timeout=5).close()
            return
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.2)


def run(url: str, chosen: list[str], environment_of: Callable[[str], dict[str, str]]) -> int:
    fallen = []
    for name in chosen:
        print(f"{name}: ", end="", flush=True)
        script = [sys.executable, str(HERE / f"{name}.py"), url]
        done = subprocess.run(script, env={**os.environ, **environment_of(name)}, check=False)
        if done.returncode not in (0, NOT_TRIED):
            fallen.append(name)
            print(f"{name}: THE PRODUCT FELL")
    return int(bool(fallen))


def main(words: list[str]) -> int:
    urls = [word for word in words if "://" in word]
    chosen = [word for word in words if "://" not in word] or names()
    if urls:
        return run(urls[0].rstrip("/"), chosen, lambda name: {})
    with started() as (url, environment_of):
        return run(url, chosen, environment_of)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
