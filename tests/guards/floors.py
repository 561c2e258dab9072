"""Which floor a module stands on, and which of its imports climb or bypass a door; pure.

Inside a capability: edge (views, commands) → intake (forms, tasks) → verbs → models. A module uses its own
floor and those below. Another capability is reached through its ``services``, its ``models`` or a module that
``setup.cfg`` names; there too, nobody climbs. Verbs and models know no HTTP.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from configparser import ConfigParser
from dataclasses import dataclass
from pathlib import Path

FLOORS = ("models", "verbs", "intake", "edge")  # From the ground up.
NAMED = {
    "models": re.compile(r"models$"),
    "verbs": re.compile(r"services$"),
    "intake": re.compile(r"(.+_)?(forms?|tasks)$"),
    "edge": re.compile(r"(.+_)?(views|cli)$"),
}
DOORS = ("services", "models")
HTTP = {"flask", "flask_limiter", "flask_login", "flask_wtf", "werkzeug", "wtforms"}
# The application itself is no request: what a verb needs of it are its settings and extensions.
NO_REQUEST = {"flask.Flask", "flask.current_app"}


@dataclass(frozen=True)
class Rules:
    """``floors`` and ``doors`` name modules as ``capability.module``; the rest of a package goes with it."""

    capabilities: tuple[str, ...]
    floors: Mapping[str, str]
    doors: frozenset[str] = frozenset()


def read_rules(setup_cfg: Path, capabilities: tuple[str, ...]) -> Rules:
    """Read lines such as ``partners: sessions locks`` below the name of a floor, or below ``doors``."""
    parser = ConfigParser()
    parser.read(setup_cfg)
    listed = {
        option: [
            f"{capability.strip()}.{name}"
            for capability, _, names in (line.partition(":") for line in text.strip().splitlines())
            for name in names.split()
        ]
        for option, text in parser["contentflow:floors"].items()
    }
    floors = {name: floor for floor in FLOORS for name in listed.get(floor, [])}
    return Rules(capabilities, floors, frozenset(listed["doors"]))


def floor_of(name: str, rules: Rules) -> str | None:
    """Return the floor of ``capability.module``; None: it has none."""
    stem = name.partition(".")[2]
    by_name = next((floor for floor, pattern in NAMED.items() if pattern.match(stem)), None)
    return rules.floors.get(name, by_name)


def imports(source: str, package: str, modules: frozenset[str]) -> Iterator[str]:
    """Yield what ``source`` imports, in functions too, such as ``contentflow.byop.clips`` or ``flask.g``.

    ``from package import name`` is of a module where the name is one, else of what is named in the package.
    """
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) + 1 - node.level] if node.level else []
            origin = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                whole = f"{origin}.{alias.name}"
                is_named_in = origin in modules and whole not in modules
                yield origin if is_named_in else whole


def offences(sources: Mapping[str, str], rules: Rules) -> list[str]:
    """Judge modules, ``contentflow.byop.clips`` mapped to its text; return a sentence for each offence."""
    modules = frozenset(sources)
    found = []
    for module, source in sources.items():
        _, capability, *rest = [*module.split("."), ""]
        if capability not in rules.capabilities:
            continue
        name = f"{capability}.{rest[0]}"
        floor = floor_of(name, rules) if rest[0] else "edge"  # A package puts its own parts together.
        if floor is None:
            found.append(f"{name} has no floor")
            continue
        is_package = any(other.startswith(f"{module}.") for other in modules)
        package = module if is_package else module.rpartition(".")[0]
        for imported in sorted(set(imports(source, package, modules))):
            fault = _fault(name, floor, imported, rules)
            if fault:
                found.append(f"{name} → {imported.removeprefix('contentflow.')} {fault}")
    return found


def _fault(name: str, floor: str, imported: str, rules: Rules) -> str | None:
    top, _, below = imported.partition(".")
    knows_http = floor in ("edge", "intake")
    if top in HTTP:
        return None if knows_http or imported in NO_REQUEST else "knows HTTP"
    other, _, rest = below.partition(".")
    if top != "contentflow" or other == "core":
        return None
    if other == "web":
        return None if knows_http else "knows HTTP"
    if other not in rules.capabilities:
        return None
    target = f"{other}.{rest.partition('.')[0]}"
    is_own = other == name.partition(".")[0]
    if not is_own and target not in rules.doors and target.partition(".")[2] not in DOORS:
        return "bypasses the doors"
    above = floor_of(target, rules)
    if above is not None and FLOORS.index(above) > FLOORS.index(floor):
        return "climbs"
    return None


def strangers(sources: Mapping[str, str], rules: Rules) -> list[str]:
    """Return what ``setup.cfg`` lists and nobody needs to be told: no such module, or its name says it."""
    known = {".".join(module.split(".")[1:3]) for module in sources}
    stems = {name: name.partition(".")[2] for name in {*rules.floors, *rules.doors}}
    said = {name for name in rules.floors if any(named.match(stems[name]) for named in NAMED.values())}
    said |= {name for name in rules.doors if stems[name] in DOORS}
    return sorted(said | (stems.keys() - known))
