"""What a session makes of hosts that misbehave in small ways."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.connectors.reach import until
from tests.faults.watched import local, ssh, watched
from tests.lab.engines import Engine
from tests.lab.fixtures import Lab


async def test_a_malformed_ssh_configuration_is_that_hosts_alone(
    lab: Lab, engine_2010: Engine, tmp_path: Path
) -> None:
    broken = tmp_path / "ssh_config"
    broken.write_text("Host *\n  Port not-a-number\n")
    sshd = lab.sshd()
    async with watched(
        ssh("edge", sshd, engine_2010, ssh_config_file=broken), local("well", engine_2010)
    ) as fleet:
        await fleet.until_up("well")
        state = await fleet.until_down("edge")
        assert state.error is not None
        assert state.error.kind == "error"
        assert "SSH configuration" in state.error.message
        assert fleet.status("well") == "up"


@pytest.mark.parametrize("containers", [30])
async def test_where_forwarding_is_forbidden_few_sessions_carry_many_containers(
    lab: Lab, containers: int
) -> None:
    engine = lab.engine("trixie")
    engine.run_containers(containers)
    sshd = lab.sshd(options={"AllowStreamLocalForwarding": "no"})
    async with watched(ssh("edge", sshd, engine)) as fleet:
        await fleet.until_up("edge")
        assert fleet.tracker.hosts["edge"].via == "dial-stdio"
        assert len(fleet.tracker.containers("edge")) == containers
        names = [f"c-{number}" for number in range(1, containers + 1)]
        await fleet.until(
            lambda: all(len(list(fleet.samples_of("edge", name))) >= 4 for name in names),
            "four samples of each container",
            20,
        )
        assert fleet.tracker.hosts["edge"].missed_samples <= 2  # where all is slow, one may be late
        assert len(sshd.session_processes()) < 40
    await until(lambda: not sshd.session_processes(), "nothing stays behind")
