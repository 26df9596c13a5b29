"""What befalls containers and hosts, seen through real proxies in front of three real Engines."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial

import pytest

from tests.lab.errors import MissingPartError
from tests.lab.fixtures import skip_or_fail
from tests.lab.waiting import wait_until
from tests.proxies.fronts import Front, fronts
from tests.proxies.site import (
    CLIENTS,
    PATIENCE,
    Answer,
    Failure,
    Load,
    Site,
    Steps,
    ask,
    backend,
    load,
    running_site,
)


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    try:
        with running_site() as site:
            yield site
    except MissingPartError as error:
        skip_or_fail(str(error))


@pytest.fixture(scope="module")
def proxies(site: Site) -> Iterator[list[Front]]:
    try:
        with fronts(site) as started:
            yield started
    except MissingPartError as error:
        skip_or_fail(str(error))


def each(proxies: list[Front], domain: str, path: str = "/") -> dict[str, Answer]:
    """What each proxy answers."""
    return {front.name: ask(front.port, domain, path) for front in proxies}


def wait_for(proxies: list[Front], domain: str, holds: Callable[[Answer], bool], what: str) -> None:
    """Wait until it holds of what each proxy answers."""
    for front in proxies:
        wait_until(
            partial(answers, front, domain, holds), f"{front.name}: {what}", PATIENCE, every=0.2
        )


def answers(front: Front, domain: str, holds: Callable[[Answer], bool]) -> bool:
    """Whether it holds of what a proxy answers, and it does."""
    try:
        return holds(ask(front.port, domain))
    except OSError:
        return False


def test_requests_reach_the_right_container(proxies: list[Front]) -> None:
    for front in proxies:
        found = Counter(ask(front.port, "www.test").body for _ in range(20))
        assert set(found) == {"web-1 root", "web-2 root"}, front
        assert ask(front.port, "www.test", "/shop/") == Answer(200, "shop root"), front
        assert ask(front.port, "kept.test", "/shop/") == Answer(200, "kept shop"), front
        assert ask(front.port, "kept.test").status == 404, front
        assert ask(front.port, "unknown.test").status == 404, front


def test_weights_share_requests_over_hosts(proxies: list[Front]) -> None:
    for front in proxies:
        found = Counter(ask(front.port, "weighed.test").body for _ in range(40))
        assert found["heavy root"] + found["light root"] == 40, front
        assert 24 <= found["heavy root"] <= 36, (front, found)


def test_a_rolling_recreate_loses_no_request(site: Site, proxies: list[Front]) -> None:
    loads: dict[str, Load] = {}
    steps = Steps()
    with load_all(proxies, "www.test", loads):
        for host, name in (("local", "web-1"), ("edge-1", "web-2")):
            steps.note(f"{name} is told to stop")
            site.docker(host, "stop", name)
            steps.note(f"{name} has stopped")
            site.docker(host, "rm", name)
            steps.note(f"{name} is removed")
            site.run(host, name, also=f"new.{name}.test")
            steps.note(f"{name} is run anew")
            # Whoever stops the next one before all proxies know of this one has them know of none.
            # They send requests to it sooner, as its address is known to them; its new domain not.
            wait_for(proxies, f"new.{name}.test", lambda answer: answer.status == 200, "it is back")
            steps.note(f"all proxies know {name}")
            wait_for_both(loads)
    steps.note("all proxies send requests to both")
    lost = {front.name: losses(front, loads[front.name]) for front in proxies}
    # Traefik sends nothing again that was under way to a backend when that closed its port: at most
    # one request of each client at each stop. The others do, as these are only read.
    most = {"traefik": 2 * CLIENTS}
    told = site.fleet.run("routes", "changes", "--domain", "www.test").stdout
    for name, failed in lost.items():
        assert len(failed) <= most.get(name, 0), f"{name}\n{steps.story(lost)}\n{told}"
        assert loads[name].answered["web-1 root"] > 10, name


def losses(front: Front, seen: Load) -> list[Failure]:
    """What a proxy lost, but for what the kernel does to one that listens anew."""
    return [each for each in seen.failed if not (front.resets and "ResetError" in each.how)]


@contextmanager
def load_all(proxies: list[Front], domain: str, loads: dict[str, Load]) -> Iterator[None]:
    """Put a constant load on each proxy."""
    with ExitStack() as stack:
        for front in proxies:
            loads[front.name] = stack.enter_context(load(front.port, domain))
        yield


def wait_for_both(loads: dict[str, Load]) -> None:
    """Wait until each proxy sends requests to both containers, from now on."""
    for name, seen in loads.items():
        before = Counter(seen.answered)

        def again(seen: Load = seen, before: Counter[str] = before) -> bool:
            new = seen.answered - before
            return new["web-1 root"] > 5 and new["web-2 root"] > 5

        wait_until(again, f"{name} sends requests to both", PATIENCE, every=0.2)


def test_a_container_that_does_not_serve_leaves_its_route(site: Site, proxies: list[Front]) -> None:
    alone = "alone.test"
    wait_for(proxies, alone, lambda answer: answer == Answer(200, "alone root"), "it is served")

    site.docker("db-1", "exec", "alone", "rm", "/tmp/ok")
    wait_for(proxies, alone, lambda answer: answer.status == 503, "unhealthy: 503, not 404")
    site.docker("db-1", "exec", "alone", "touch", "/tmp/ok")
    wait_for(proxies, alone, lambda answer: answer.status == 200, "healthy again")

    site.docker("db-1", "kill", "alone")
    wait_for(proxies, alone, lambda answer: answer.status == 503, "killed: 503")
    site.docker("db-1", "start", "alone")
    wait_for(proxies, alone, lambda answer: answer.status == 200, "started again")

    site.docker("db-1", "rename", "alone", "renamed")
    wait_until(
        lambda: "db-1/renamed" in site.fleet.run("routes", "--domain", alone).stdout,
        "its new name is known",
        PATIENCE,
        every=0.2,
    )
    assert {answer.status for answer in each(proxies, alone).values()} == {200}
    site.docker("db-1", "rename", "renamed", "alone")

    site.docker("db-1", "stop", "alone")
    wait_for(proxies, alone, lambda answer: answer.status == 503, "stopped: 503 for a while")
    wait_for(proxies, alone, lambda answer: answer.status == 404, "and then it is gone")
    assert "alone.test" in site.fleet.run("routes", "--waiting").stdout
    site.docker("db-1", "start", "alone")
    wait_for(proxies, alone, lambda answer: answer.status == 200, "started again")


def test_a_label_is_mended(site: Site, proxies: list[Front]) -> None:
    good = backend("late", "late.test", port=8085)
    labels = {key.replace("domain", "domian"): value for key, value in good.labels.items()}
    engine = site.demo.engines["local"]
    engine.run_container("late", replace(good, labels=labels))

    def told() -> bool:
        issues = site.fleet.run("routes", "--issues").stdout
        return "snadboy.revp.80.domian" in issues and "snadboy.revp.80.domain" in issues

    wait_until(told, "the mistake is told, and what was meant", PATIENCE, every=0.2)
    assert {answer.status for answer in each(proxies, "late.test").values()} == {404}
    engine.docker("rm", "-f", "late")
    engine.run_container("late", good)
    wait_for(proxies, "late.test", lambda answer: answer.body == "late root", "it is served")
    engine.docker("rm", "-f", "late")


def test_a_host_that_is_out_of_reach_keeps_its_routes(site: Site, proxies: list[Front]) -> None:
    line, server = site.demo.networks["edge-1"], site.demo.server
    line.drop(server.port)
    try:

        def stale() -> bool:
            shown = site.fleet.run("routes", "--domain", "www.test").stdout
            return "edge-1/web-2" in shown and "stale" in shown

        wait_until(stale, "the fleet has lost the host", PATIENCE, every=0.5)
        for front in proxies:
            found = {ask(front.port, "www.test").body for _ in range(20)}
            assert found == {"web-1 root", "web-2 root"}, front
    finally:
        line.allow()
    wait_until(lambda: not stale(), "the host is back", PATIENCE, every=0.5)
