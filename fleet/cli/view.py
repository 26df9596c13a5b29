"""One view of the fleet: from the running fleet where there is one, else by asking every host."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from fleet.cli.api import Api, NotRunningError
from fleet.cli.errors import CommandError, unknown_label
from fleet.cli.progress import Progress
from fleet.cli.reaching import trust
from fleet.cli.settings import (
    Settings,
    fleet_of_broken,
    load_config,
    pick_names,
    token_of,
    url_of,
)
from web.documents import ContainerDocument, FleetDocument, HostDocument

if TYPE_CHECKING:
    from config.models import Config


@dataclass(frozen=True)
class View:
    """What was seen.

    Attributes:
        origin: `fleet` (a running one told) or `probe` (the hosts were asked).
        where: For people: the URL, or how many hosts were asked.
        hosts: The chosen hosts.
        containers: Their containers, in the order of host and name.
        fleet: What the running fleet says of itself.
        warnings: Those of the configuration.
    """

    origin: Literal["fleet", "probe"]
    where: str
    hosts: list[HostDocument]
    containers: list[ContainerDocument] = field(default_factory=list)
    fleet: FleetDocument | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Choice:
    """Which hosts are wanted; empty means all. A label is `KEY` or `KEY=VALUE`."""

    names: Sequence[str] = ()
    labels: Sequence[str] = ()

    def matches(self, labels: dict[str, str]) -> bool:
        """Whether a host's labels are wanted."""
        for wanted in self.labels:
            key, equals, value = wanted.partition("=")
            if key not in labels or (equals and labels[key] != value):
                return False
        return True


class Source:
    """Where a command gets its views from; decided at the first one.

    Args:
        settings: What the command was told.
        quiet: Show no progress: the screen is in use.
    """

    def __init__(self, settings: Settings, *, quiet: bool = False) -> None:
        self._settings = settings
        self._quiet = quiet
        self._config: Config | None = None

    @property
    def config(self) -> Config:
        """The configuration, loaded when it is first needed."""
        if self._config is None:
            self._config = load_config(self._settings.config)
        return self._config

    def running(self) -> tuple[Api, FleetDocument] | None:
        """The running fleet, or None when there is none to ask.

        Raises:
            CommandError: One was named, but it does not answer.
        """
        if self._settings.direct:
            return None
        api = self.api()
        try:
            return api, api.fleet()
        except NotRunningError as error:
            if self._settings.url:
                raise CommandError(error.message, error.hint) from error
            return None

    def api(self) -> Api:
        """Where a running fleet would answer; nothing is asked yet."""
        named = self._settings.url
        url, token, own = (named, self._settings.token, None) if named else self._listen()
        ca = self._settings.ca
        return Api(
            url.rstrip("/"), token, trust(url, ca, own), pinned=ca is None and own is not None
        )

    def _listen(self) -> tuple[str, str, Path | None]:
        """URL, token and certificate by the configuration.

        A broken file must not hide the fleet that keeps running with the one before.
        """
        try:
            fleet = self.config.fleet
            return url_of(fleet), token_of(self.config), fleet.tls_cert_file
        except CommandError:
            fleet = fleet_of_broken(self._settings.config)
            return url_of(fleet), self._settings.token, fleet.tls_cert_file

    def view(
        self,
        choice: Choice,
        *,
        containers: bool,
        samples: bool = False,
        timeout: float | None = None,
    ) -> View:
        """Look once.

        Args:
            choice: Which hosts.
            containers: Whether the containers themselves are wanted.
            samples: Whether CPU and memory are worth the wait where the hosts must be asked.
            timeout: Seconds for connecting to them.
        """
        running = self.running()
        if running is None:
            return self.probe(choice, samples=samples, timeout=timeout)
        api, fleet = running
        every = api.hosts()
        names = set(chosen(every, choice))
        hosts = [host for host in every if host.name in names]
        found = [c for c in api.containers() if c.host in names] if containers else []
        return View("fleet", api.url, hosts, found, fleet, fleet.config.warnings)

    def probe(self, choice: Choice, *, samples: bool, timeout: float | None) -> View:
        """Look by asking the hosts themselves, all at once."""
        from fleet.cli.running import run
        from fleet.limits import Limits
        from fleet.present import container_document, host_document
        from fleet.probe import probe
        from fleet.tracker import Tracker

        config, tracker = self.config, Tracker()
        hosts = [config.hosts[name] for name in sorted(chosen(config.hosts.values(), choice))]

        async def look() -> None:
            limits = Limits.of(config.fleet)
            done = progress.done
            await probe(hosts, tracker, limits, done, samples=samples, patience=timeout)

        awaited = [host.name for host in hosts if host.enabled and not self._quiet]
        with Progress(awaited) as progress:
            run(look)
        view = View("probe", f"{len(hosts)} hosts", [], warnings=config.warnings)
        for host in hosts:
            state, found = tracker.hosts[host.name], tracker.containers(host.name)
            figures = {key: tracker.sample(host.name, key) for key in found}
            taken = [sample for sample in figures.values() if sample is not None]
            view.hosts.append(host_document(host, state, found.values(), taken))
            view.containers.extend(
                container_document(container, figures[container.id], state)
                for container in sorted(found.values(), key=lambda each: each.name)
            )
        return view


class _Named(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def labels(self) -> dict[str, str]: ...


def chosen(hosts: Iterable[_Named], choice: Choice) -> list[str]:
    """The names of the hosts that are wanted.

    Raises:
        CommandError: A named host does not exist, or none has the labels: a monitor that misspells
            one would find all well for ever.
    """
    known = {host.name: host.labels for host in hosts}
    names = pick_names(known, choice.names)
    found = [name for name in names if choice.matches(known[name])]
    if choice.labels and not found:
        raise unknown_label(choice.labels, [known[name] for name in names])
    return found
