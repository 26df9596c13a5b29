"""What the API is served with: its certificate, and what one client may take of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from config.models import Access, Fleet
from web.documents import CertificateDocument
from web.limits.edge import Allowance
from web.tls import CertificateFiles, ServerTls


class FleetEdge:
    """Both, as they are configured.

    Attributes:
        allowance: What one client may take.
        tls: What is served with; None: in the clear.
    """

    def __init__(self, allowance: Allowance, tls: ServerTls | None) -> None:
        self.allowance = allowance
        self.tls = tls

    def certificate(self) -> CertificateDocument | None:
        """The certificate as it is now."""
        return None if self.tls is None else self.tls.document()

    def also_hung_up(self, others: Callable[[], None]) -> Callable[[], None]:
        """What SIGHUP calls: it has the certificate loaded anew too."""

        def both() -> None:
            others()
            if self.tls is not None:
                self.tls.trigger()

        return both

    async def run(self) -> None:
        """Follow the files of the certificate. Runs until cancelled, if there are any."""
        if self.tls is not None:
            await self.tls.run()


def allowance_of(fleet: Fleet, access: Access) -> Allowance:
    """What one client may take, as it is configured."""
    return Allowance(
        requests_per_second=access.requests_per_second,
        burst=access.requests_burst,
        connections=access.connections_per_client,
        wrong_credentials=access.wrong_credentials,
        trusted_proxies=fleet.trusted_proxies,
    )


async def open_edge(fleet: Fleet, access: Access, environ: Mapping[str, str]) -> FleetEdge:
    """Load the certificate, if one is configured.

    Raises:
        CertificateError: It cannot be served.
    """
    allowance = allowance_of(fleet, access)
    if fleet.tls_cert_file is None:
        return FleetEdge(allowance, None)
    files = CertificateFiles(
        fleet.tls_cert_file,
        fleet.tls_key_file,
        fleet.tls_key_password_file,
        fleet.tls_key_password_env,
    )
    return FleetEdge(allowance, await ServerTls.open(files, environ))
