from __future__ import annotations

import msgspec
import pytest

from connectors import models as docker
from connectors.follow import read_event
from connectors.wire import MalformedError
from fleet.model import Port
from fleet.translate import (
    LEFT_OUT,
    REDACTED,
    compose_of,
    container,
    event,
    health_of,
    identity_of,
    number_of,
    ports_of,
    redact,
)


def test_environment_values_are_hidden_unless_their_name_is_allowed() -> None:
    shown = redact(["PASSWORD=x=y", "TZ=UTC", "LC_ALL=C", "BARE"], ("TZ", "LC_*"))
    assert shown == {"PASSWORD": REDACTED, "TZ": "UTC", "LC_ALL": "C", "BARE": REDACTED}


def test_ipv4_and_ipv6_twins_are_one_port() -> None:
    bindings = [
        docker.PortBinding(host_ip="0.0.0.0", host_port="8080"),  # noqa: S104 - an Engine's answer
        docker.PortBinding(host_ip="::", host_port="8080"),
    ]
    ports = ports_of({"80/tcp": bindings, "53/udp": None, "nonsense": None, "81/tcp": []})
    assert ports == (
        Port(container_port=53, protocol="udp"),
        Port(container_port=80, protocol="tcp", host_ip="0.0.0.0", host_port=8080),  # noqa: S104
        Port(container_port=81, protocol="tcp"),
    )


# What Docker keeps saying of a container that it does not check any more.
SICK = docker.HealthState(
    status="unhealthy", log=[docker.HealthCheckResult(exit_code=1, output="no answer")]
)


@pytest.mark.parametrize(
    ("state", "status", "source"),
    [
        (docker.ContainerState(running=True), "healthy", "state"),
        (docker.ContainerState(), "none", "state"),
        (docker.ContainerState(restarting=True, running=True), "unhealthy", "state"),
        (docker.ContainerState(oom_killed=True), "none", "state"),
        (docker.ContainerState(running=True, oom_killed=True), "unhealthy", "state"),
        (docker.ContainerState(running=True, paused=True), "none", "state"),
        (docker.ContainerState(dead=True), "unhealthy", "state"),
        (docker.ContainerState(health=SICK), "none", "state"),
        (docker.ContainerState(running=True, paused=True, health=SICK), "none", "state"),
        (docker.ContainerState(running=True, restarting=True, health=SICK), "unhealthy", "state"),
        (
            docker.ContainerState(running=True, health=docker.HealthState(status="unhealthy")),
            "unhealthy",
            "healthcheck",
        ),
        (
            docker.ContainerState(running=True, health=docker.HealthState(status="starting")),
            "starting",
            "healthcheck",
        ),
        (
            docker.ContainerState(running=True, health=docker.HealthState(status="none")),
            "healthy",
            "state",
        ),
    ],
)
def test_health(state: docker.ContainerState, status: str, source: str) -> None:
    health = health_of(state)
    assert (health.status, health.source) == (status, source)
    if state.health is SICK:
        assert [run.output for run in health.log] == ["no answer"], "the last checks stay readable"


def test_identity_survives_a_recreate() -> None:
    labels = {
        "com.docker.compose.project": "shop",
        "com.docker.compose.service": "web",
        "com.docker.compose.container-number": "2",
    }
    assert identity_of("shop-web-2", compose_of(labels)) == "compose:shop/web/2"
    assert identity_of("web", None) == "name:web"
    odd = labels | {"com.docker.compose.container-number": "²"}
    assert identity_of("x", compose_of(odd)) == "compose:shop/web/1"


def test_an_almost_empty_inspect_is_a_container() -> None:
    made = container("a", docker.ContainerInspect(id="1" * 64))
    assert (made.name, made.state, made.exit_code, made.ports) == ("", "exited", None, ())


def test_exit_code_is_told_once_it_ended() -> None:
    ended = docker.ContainerState(
        status="exited", exit_code=137, finished_at="2026-01-02T12:00:00Z"
    )
    assert container("a", docker.ContainerInspect(id="1", state=ended)).exit_code == 137
    running = docker.ContainerState(
        status="running", running=True, finished_at="2026-01-02T12:00:00Z"
    )
    assert container("a", docker.ContainerInspect(id="1", state=running)).exit_code is None


def test_die_carries_its_exit_code() -> None:
    raw = msgspec.json.decode(
        b'{"Type":"container","Action":"die","Actor":{"ID":"1","Attributes":'
        b'{"exitCode":"137","name":"web"}},"time":1,"timeNano":1000000123}',
        type=docker.Event,
    )
    made = event("a", raw)
    assert (made.exit_code, made.name, made.time.microsecond) == (137, "web", 0)
    assert made.time_nano == 1000000123


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("137", 137),
        ("-1", -1),
        ("3221225786", 3221225786),  # a Windows exit code
        ("", None),
        ("²", None),
        ("\u0665", None),
        ("--5", None),
        ("5\n", None),
        ("9" * 11, None),
        ("9" * 5000, None),
    ],
)
def test_numbers_written_as_text(text: str, number: int | None) -> None:
    assert number_of(text) == number
    died = docker.EventActor(id="1", attributes={"exitCode": text})
    assert event("a", docker.Event(type="container", action="die", actor=died)).exit_code == number


@pytest.mark.parametrize("text", ["²", "-80", "65536", "9" * 5000, "8 0"])
def test_what_is_no_port_is_left_out(text: str) -> None:
    assert ports_of({f"{text}/tcp": None}) == ()
    published = ports_of({"80/tcp": [docker.PortBinding(host_port=text)]})
    assert published == (Port(container_port=80, protocol="tcp"),)


def test_a_time_that_no_calendar_has_is_unknown() -> None:
    odd = docker.ContainerInspect(id="1", created="9999-12-31T23:59:59-23:00")
    assert container("a", odd).created is None


@pytest.mark.parametrize("field", ["time", "timeNano"])
@pytest.mark.parametrize("value", [10**24, -(10**24), 2**63, -(2**63) - 1, 10**400])
def test_a_time_beyond_64_bits_is_no_event(field: str, value: int) -> None:
    with pytest.raises(MalformedError):
        read_event(b'{"Type":"container","Action":"die","%s":%d}' % (field.encode(), value))


@pytest.mark.parametrize(
    ("field", "value", "year"),
    [
        ("timeNano", 2**63 - 1, 2262),
        ("timeNano", -(2**63), 1677),
        ("time", 2**63 // 10**9 - 1, 2262),
        ("time", -(2**63) // 10**9 + 1, 1677),
    ],
)
def test_every_time_that_is_read_is_a_date_and_storable(field: str, value: int, year: int) -> None:
    raw = read_event(b'{"Type":"container","Action":"die","%s":%d}' % (field.encode(), value))
    made = event("a", raw)
    assert made.time.year == year
    assert -(2**63) <= made.time_nano < 2**63


def test_what_is_kept_of_an_event_is_bounded_and_what_is_left_out_is_counted() -> None:
    long = "x" * 10**6
    attributes = {"a": long, "exitCode": "3", long: "", "name": long, "image": "busybox"}
    actor = docker.EventActor(id=long, attributes=attributes)
    made = event("a", docker.Event(type=long, action=f"exec_create: {long}", actor=actor))
    assert made.attributes == {"exitCode": "3", "image": "busybox", LEFT_OUT: "3"}
    assert (made.exit_code, len(made.name or "")) == (3, 256)
    assert made.action.startswith("exec_create: x")
    assert len(msgspec.json.encode(made)) < 20_000
    plain = {"name": "web", "image": "busybox", "label": "y" * 4096}
    kept = event("a", docker.Event(actor=docker.EventActor(id="1", attributes=plain)))
    assert kept.attributes == plain
