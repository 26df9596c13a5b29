"""Every question that the API answers has a method, with all of its parameters."""

import inspect
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from fleet.client import Ask, AsyncFleetClient, FleetClient
from fleet.client.asking import Body

ELSEWHERE = {"fields"}  # answers with less than documents are
# Options of proxies are theirs, and are given as they are.
PROXIES = {"traefik", "caddy", "haproxy", "haproxy/map", "nginx", "prometheus"}
BROWSERS = {"POST /api/session", "DELETE /api/session", "PUT /api/session/password"}
OPERATORS = {"POST /api/config/reload"}
FILES = {"GET /api/logs/download"}  # for people: a program has `each_logs`


def methods() -> dict[str, Callable[..., Ask[Any]]]:
    """What each method of the client asks."""
    found = vars(FleetClient).items()
    return {name: method.__wrapped__ for name, method in found if hasattr(method, "__wrapped__")}


def asked_by(make: Callable[..., Ask[Any]]) -> Iterator[Ask[Any]]:
    """Its questions, once with all that may be given and once with the least."""
    given: dict[str, Any] = {}
    for name, parameter in inspect.signature(make).parameters.items():
        kind = str(parameter.annotation)
        given[name] = True if kind == "bool" else ("x",) if "Sequence" in kind else "x"
    given |= {"body": Body(data=b"")} if "body" in given else {}
    given |= {"options": {}} if "options" in given else {}
    least = [
        name
        for name, parameter in inspect.signature(make).parameters.items()
        if parameter.default is inspect.Parameter.empty
    ]
    forms = PROXIES if make.__name__ == "proxy_document" else {""}
    for form in sorted(forms):
        given |= {"form": form} if form else {}
        yield make(**given)
        yield make(**{name: given[name] for name in least})


def parameters_of(schema: dict[str, Any]) -> dict[str, set[str]]:
    """The query parameters of each operation, by `METHOD /path`."""
    return {
        f"{method.upper()} {path}": {
            one["name"] for one in operation.get("parameters", []) if one["in"] == "query"
        }
        for path, operations in schema["paths"].items()
        for method, operation in operations.items()
    }


async def test_every_question_has_a_method(address: str) -> None:
    async with AsyncFleetClient(f"http://{address}") as asking:
        operations = parameters_of(await asking.schema())
    asked: dict[str, set[str]] = {}
    for make in methods().values():
        for ask in asked_by(make):
            asked.setdefault(f"{ask.method} {ask.template}", set()).update(ask.query)
    assert asked.pop("GET /api/openapi.json") == set()
    others = BROWSERS | OPERATORS | FILES
    wanted = {name: known for name, known in operations.items() if name not in others}
    assert asked.keys() == wanted.keys()
    proxies = {f"GET /api/revp/{form}" for form in PROXIES}
    for name, known in wanted.items():
        if name in proxies:
            assert asked[name] <= known
        else:
            assert asked[name] == known - ELSEWHERE, name


def test_both_clients_have_the_same_methods() -> None:
    theirs = vars(AsyncFleetClient)
    for name, make in methods().items():
        assert theirs[name].__wrapped__ is make
        assert inspect.signature(theirs[name]) == inspect.signature(make)
        assert make.__doc__


@pytest.mark.parametrize(
    ("statement", "unwanted"),
    [
        ("from fleet.client import FleetClient", "trio anyio httpcore connectors storage litestar"),
        ("from fleet.client import AsyncFleetClient", "trio connectors storage litestar"),
        ("import fleet.cli.api", "httpx trio anyio rich connectors storage litestar"),
    ],
)
def test_importing_it_is_cheap(statement: str, unwanted: str) -> None:
    program = f"{statement}; import sys; print(*sorted(set(sys.modules) & set({unwanted.split()})))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == ""
