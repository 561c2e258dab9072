"""A helper called once stands in its caller, unless its name teaches something: so these stay few."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Mapping

from contentflow.config import ROOT

# Of all functions and methods. Counted strictly: whatever is private and named at one place but its own, be
# it called, handed on (a hook, a thread's target), cached, a context or a generator. It only ever sinks.
MAX_SHARE = 0.12
# Of them those that are called and nothing else: only these could be written in their caller.
MAX_CALLED = 0.09


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def uses_of(tree: ast.Module) -> Counter[str]:
    """Return how often each name is said: called, handed on, imported, or as an attribute."""
    used: Counter[str] = Counter()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            used[node.id] += 1
        elif isinstance(node, ast.Attribute):
            used[node.attr] += 1
        elif isinstance(node, ast.ImportFrom):
            used.update(alias.name for alias in node.names)
    return used


def called(tree: ast.Module) -> set[str]:
    heads = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return {head.id if isinstance(head, ast.Name) else getattr(head, "attr", "") for head in heads}


def is_private(helper: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return helper.name.startswith("_") and not helper.name.startswith("__")


def is_plain(helper: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    yields = any(isinstance(node, ast.Yield | ast.YieldFrom) for node in ast.walk(helper))
    return not helper.decorator_list and not yields


def named_once(sources: Mapping[str, str]) -> tuple[list[str], list[str], int]:
    """Return the helpers named once, as ``module:name``, those only called, and how many functions."""
    found: list[str] = []
    plain: list[str] = []
    number = 0
    for name, source in sources.items():
        tree = ast.parse(source)
        used, names_called = uses_of(tree), called(tree)
        for function in functions(tree):
            number += 1
            if is_private(function) and used[function.name] == 1:
                found.append(f"{name}:{function.name}")
                if is_plain(function) and function.name in names_called:
                    plain.append(found[-1])
    return found, plain, number


def test_helpers_named_once_are_few():
    paths = {str(path.relative_to(ROOT)): path for path in (ROOT / "contentflow").rglob("*.py")}
    sources = {name: path.read_text() for name, path in paths.items()}

    found, plain, number = named_once(sources)

    assert number > 3_000
    assert len(found) / number < MAX_SHARE, "\n".join(sorted(found))
    assert len(plain) / number < MAX_CALLED, "\n".join(sorted(plain))


def test_a_planted_helper_is_named_and_other_functions_are_not():
    planted = """
def _once(): ...
def _twice(): ...
def _handed_on(): ...
@cache
def _cached(): ...
def _several():
    yield 1
def public():
    _once(); _twice(); _twice(); register(_handed_on); _cached(); list(_several())
class Thing:
    def _method(self): ...
    def act(self):
        self._method()
"""

    found, plain, number = named_once({"planted": planted})

    assert plain == ["planted:_once", "planted:_method"] and number == 8
    assert {*found} - {*plain} == {"planted:_handed_on", "planted:_cached", "planted:_several"}
