"""Under TLS both clients believe the authority that they are told of, and no other."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio

from fleet.client import AsyncFleetClient, CertificateError, FleetClient
from tests.lab.tls import Authority
from tests.web.hostile import served
from web.tls import CertificateFiles, ServerTls


async def test_a_certificate_is_believed_by_its_authority_alone(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "authority")
    files = authority.server("127.0.0.1")
    tls = await ServerTls.open(CertificateFiles(files.cert, files.key))
    async with served(tls=tls) as target:
        url = f"https://{target.address}"

        def work() -> int:
            with FleetClient(url, ca=authority.ca) as asking:
                found = len(asking.hosts().hosts)
            with FleetClient(url) as asking, pytest.raises(CertificateError, match="is not acc"):
                asking.hosts()
            return found

        found = await trio.to_thread.run_sync(work)
        async with AsyncFleetClient(url, ca=str(authority.ca)) as asking:
            assert len((await asking.hosts()).hosts) == found
        async with AsyncFleetClient(url) as asking:
            with pytest.raises(CertificateError, match="is not accepted"):
                await asking.hosts()
