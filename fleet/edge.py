"""What the API is served with: its certificate, and what one client may take of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from config.models import Access, Fleet
from fleet.tracker import now
from storage.rows import AuditRow
from web.documents import CertificateDocument
from web.exposition.text import Family
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

    def families(self) -> list[Family]:
        """The certificate as metrics."""
        if self.tls is None:
            return []
        shown = self.tls.document()
        return [
            Family(
                "fleet_certificate_expiry_timestamp_seconds",
                "gauge",
                "When the certificate of the API expires, in Unix time.",
            ).add(shown.expires.timestamp()),
            Family(
                "fleet_certificate_last_load_successful",
                "gauge",
                "Whether the files of the certificate are what is served.",
            ).add(shown.error is None),
        ]

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


def record_lockout(
    offer: Callable[[AuditRow], None], address: str, seconds: float, _count: int
) -> None:
    """Tell the audit that a client has to wait, as its credentials were wrong too often."""
    row = AuditRow(
        time=now(), kind="locked-out", who="", address=address, detail=f"for {seconds:.0f} s"
    )
    offer(row)


async def open_edge(fleet: Fleet, access: Access, environ: Mapping[str, str]) -> FleetEdge:
    """Load the certificate, if one is configured.

    Raises:
        CertificateError: It cannot be served.
    """
    allowance = allowance_of(fleet, access)
    files = certificate_files(fleet)
    return FleetEdge(allowance, None if files is None else await ServerTls.open(files, environ))


def certificate_files(fleet: Fleet) -> CertificateFiles | None:
    """Where the certificate is, if one is configured."""
    if fleet.tls_cert_file is None:
        return None
    return CertificateFiles(
        fleet.tls_cert_file,
        fleet.tls_key_file,
        fleet.tls_key_password_file,
        fleet.tls_key_password_env,
    )
