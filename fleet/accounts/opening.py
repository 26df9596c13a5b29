"""The parts of accounts, put together from a configuration."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta

import anyio

from config.models import Access, Config, Oidc
from fleet.access.keeper import Started
from fleet.accounts.people import AccountPeople
from fleet.accounts.sessions import SessionKeeper
from fleet.accounts.throttle import Throttle
from storage.database import Database
from storage.rows import AuditRow
from web.access.entering import Entrance
from web.access.people import Provider


class Accounts:
    """Who lets people in, and who knows their sessions; run it.

    Attributes:
        sessions: The sessions in memory, for who decides what may be done.
        entrance: For the pages.
    """

    def __init__(
        self,
        sessions: SessionKeeper,
        people: AccountPeople,
        provider: Provider | None,
        access: Access,
    ) -> None:
        self.sessions = sessions
        self._people = people
        self._provider = provider
        oidc = access.oidc
        public_url = (access.public_url or "").rstrip("/")
        if oidc is None:
            self.entrance = Entrance(people=people, public_url=public_url)
        else:
            self.entrance = Entrance(
                people=people,
                provider=provider,
                label=oidc.label,
                public_url=public_url,
                roles=oidc.roles,
                role_claim=oidc.role_claim,
                name_claim=oidc.name_claim,
                default_role=oidc.default_role,
            )

    async def run(self, *, task_status: Started) -> None:
        """Keep up with the database until cancelled."""
        async with anyio.create_task_group() as tasks:
            await tasks.start(self.sessions.run)
            await tasks.start(self._people.run)
            task_status.started()


def open_accounts(
    config: Config,
    database: Database,
    record: Callable[[AuditRow], None],
    environ: Mapping[str, str],
) -> Accounts:
    """The accounts in the database.

    Args:
        config: Of which `[access]` counts.
        database: Where they are kept.
        record: Takes rows of the audit, and never waits.
        environ: Where `client_secret_env` is looked up.
    """
    access = config.access
    throttle = Throttle()
    keeper = SessionKeeper(database, timedelta(seconds=access.session_idle), throttle.know)
    lifetime = timedelta(seconds=access.session_lifetime)
    people = AccountPeople(database, keeper, lifetime, record, throttle=throttle)
    provider = None if access.oidc is None else _provider(access.oidc, environ)
    return Accounts(keeper, people, provider, access)


def _provider(oidc: Oidc, environ: Mapping[str, str]) -> Provider:
    # What verifies tokens takes a while to import, and most have no provider.
    from connectors.oidc import OidcClient
    from fleet.accounts.elsewhere import OidcProvider

    return OidcProvider(OidcClient(oidc, environ))
