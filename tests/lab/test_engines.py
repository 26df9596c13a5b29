"""Engines of each kind come up, survive what tests do to them, and leave nothing behind."""

import pytest

from tests.lab.cache import KINDS
from tests.lab.containers import ContainerSpec
from tests.lab.engines import Engine, answers
from tests.lab.errors import LabError
from tests.lab.fixtures import Lab
from tests.lab.images import HEALTHY_IMAGE, IMAGE, SECOND_TAG
from tests.lab.reap import processes_of
from tests.lab.waiting import wait_until


def test_any_engine_runs_containers(any_engine: Engine) -> None:
    container = any_engine.run_container("lab-runs", ContainerSpec(labels={"a": "b"}))
    form = "{{.State.Status}} {{.Config.Labels.a}}"
    assert any_engine.docker("inspect", "--format", form, container).strip() == "running b"
    any_engine.docker("rm", "--force", container)
    with pytest.raises(LabError, match="lab-runs"):
        any_engine.docker("inspect", "lab-runs")
    assert any_engine.version in any_engine.docker("version", "--format", "{{.Server.Version}}")


@pytest.mark.parametrize("kind", KINDS)
def test_an_engine_survives_kill_and_start_again(lab: Lab, kind: str) -> None:
    engine = lab.engine(kind)
    engine.run_containers(3)
    engine.kill()
    assert not answers(engine.socket)
    assert processes_of(engine.folder), "the containers outlive a killed daemon"
    engine.start_again()
    assert len(engine.docker("ps", "--all", "--quiet").split()) == 3
    engine.close()
    assert processes_of(engine.folder) == []
    assert not engine.folder.exists()


def test_live_restore_keeps_containers_running(lab: Lab) -> None:
    engine = lab.engine(live_restore=True)
    engine.run_container("survivor")
    engine.kill()
    engine.start_again()
    assert engine.docker("ps", "--format", "{{.Names}}").split() == ["survivor"]


def test_paused_containers_end_with_their_engine(lab: Lab) -> None:
    engine = lab.engine()
    engine.docker("pause", engine.run_container("paused"))
    engine.kill()
    engine.close()
    assert processes_of(engine.folder) == []


def test_a_paused_engine_is_silent_until_resumed(lab: Lab) -> None:
    engine = lab.engine()
    engine.pause()
    assert not answers(engine.socket, timeout=0.3)
    engine.resume()
    assert wait_until(lambda: answers(engine.socket), "the resumed Engine answers")


def test_images_and_health_check(engine_2010: Engine) -> None:
    tags = engine_2010.docker("image", "ls", "--format", "{{.Repository}}:{{.Tag}}").split()
    assert {IMAGE, SECOND_TAG, HEALTHY_IMAGE} <= set(tags)
    engine_2010.run_container("lab-health", ContainerSpec(image=HEALTHY_IMAGE))

    def health() -> str:
        form = "{{.State.Health.Status}}"
        return engine_2010.docker("inspect", "--format", form, "lab-health").strip()

    wait_until(lambda: health() == "unhealthy", "it becomes unhealthy")
    engine_2010.docker("exec", "lab-health", "touch", "/tmp/ok")
    wait_until(lambda: health() == "healthy", "it becomes healthy")
    engine_2010.docker("rm", "--force", "lab-health")


def test_an_engine_that_cannot_start_shows_its_log(lab: Lab) -> None:
    with pytest.raises(LabError, match="unknown flag: --no-such-option"):
        lab.engine(options=["--no-such-option"])
