"""The pages of a big fleet in a real Chromium: how soon, and at what cost, they are there.

`python -m bench.pages` simulates 100 hosts with 5,000 containers that live (`tests.lab.simulated`),
runs `fleet up` on them, and opens pages. A page is there when it is loaded and its stream is open.
Of that the server's share is how long the same page takes over the loopback without a browser.
Beside these times, which other work on the machine lengthens, there is the CPU time that was used
until then by the server and by the process that draws the page, as the kernel counts it: so long
it takes with nothing beside. What a live page uses is of the same process, and of all of the
browser, while nobody touches it. What a viewer costs the server is what it uses more than without
any.
"""

from __future__ import annotations

import argparse
import gzip
import http.client
import os
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import msgspec
from playwright.sync_api import Browser, Page

from bench.processes import cpu_seconds, descendants
from bench.running import RunningFleet, fleet_over
from tests.lab.simulated.running import Simulated
from tests.lab.waiting import wait_until
from tests.pages.browsing import open_browser

STATIC = Path(__file__).parents[1] / "web" / "pages" / "static"
PATIENCE = 180.0
VIEWERS = 5
# When its stream opened, in ms since the navigation began.
WATCH = """addEventListener('htmx:sseOpen', () => { window.live_ ??= performance.now(); }, true)"""
THERE = """() => {
  const [entry] = performance.getEntriesByType('navigation');
  if (!entry.loadEventEnd || !window.live_) return null;
  return [entry.responseEnd, entry.domContentLoadedEventEnd, entry.loadEventEnd, window.live_];
}"""


def renderers() -> list[int]:
    """The processes of our browser that run pages."""
    return [pid for pid in descendants(os.getpid()) if "--type=renderer" in _command(pid)]


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""  # it ended meanwhile


@contextmanager
def seen(browser: Browser, address: str, view: str) -> Iterator[tuple[Page, list[float]]]:
    """A page in a window of its own, and when it was there; see THERE, in ms."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.add_cookies([{"name": "fleet-view", "value": view, "url": address}])
    context.add_init_script(WATCH)
    try:
        page = context.new_page()
        page.set_default_timeout(PATIENCE * 1000)
        page.goto(address)
        times: list[float] = page.wait_for_function(THERE).json_value()
        yield page, times
    finally:
        context.close()


def answered(fleet: RunningFleet, path: str, *, packed: bool) -> tuple[float, int]:
    """How long the server took for a page, in ms, and its bytes as they were sent."""
    connection = http.client.HTTPConnection("127.0.0.1", fleet.port, timeout=PATIENCE)
    headers = {"accept-encoding": "gzip"} if packed else {}
    begun = time.perf_counter()
    connection.request("GET", path, headers=headers)
    size = len(connection.getresponse().read())
    lasted = (time.perf_counter() - begun) * 1000
    connection.close()
    return lasted, size


def show_times(fleet: RunningFleet, browser: Browser, paths: Sequence[str], turns: int) -> None:
    """How soon pages are there; medians."""
    print(f"\n{'ms, medians of ' + str(turns):<44}{'server':>8}{'read':>8}{'parsed':>8}", end="")
    print(f"{'loaded':>8}{'live':>8}{'CPU':>8}{'its CPU':>8}{'KB':>8}{'gzip':>8}")
    for path, view in paths_and_views(paths):
        alone = [answered(fleet, path, packed=True) for _ in range(turns)]
        address = f"http://127.0.0.1:{fleet.port}{path}"
        found = [one_visit(fleet, browser, address, view) for _ in range(turns)]
        told = [statistics.median(each) for each in zip(*found, strict=True)]
        told.insert(0, statistics.median(lasted for lasted, _ in alone))
        sizes = answered(fleet, path, packed=False)[1] / 1000, alone[0][1] / 1000
        row = "".join(f"{each:>8.0f}" for each in (*told, *sizes))
        print(f"{view + ' ' if view else '':<7}{path:<37}{row}", flush=True)


def one_visit(fleet: RunningFleet, browser: Browser, address: str, view: str) -> list[float]:
    """When a page was there, and CPU of who drew it and of the server until then; all in ms."""
    server = cpu_seconds([fleet.pid])
    with seen(browser, address, view) as (_, times):
        return [*times, 1000 * cpu_seconds(renderers()), 1000 * (cpu_seconds([fleet.pid]) - server)]


def paths_and_views(paths: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The fleet's page is drawn in two ways."""
    for path in paths:
        for view in ("table", "cards") if path == "/" else ("",):
            yield path, view


def show_live(fleet: RunningFleet, browser: Browser, paths: Sequence[str], seconds: float) -> None:
    """What a live page uses of a core, in the browser and in the server."""
    time.sleep(5)  # nobody looks any more
    idle = _share([fleet.pid], seconds)
    print(f"\n{'percent of a core, over ' + format(seconds, 'g') + ' s':<44}{'page':>8}", end="")
    print(f"{'browser':>8}{'server':>8}{'more':>8}")
    print(f"{'nobody looks':<44}{'':>8}{'':>8}{idle:>8.1f}", flush=True)
    for path, view in paths_and_views(paths):
        with seen(browser, f"http://127.0.0.1:{fleet.port}{path}", view) as (page, _):
            page.wait_for_timeout(5000)
            page_used, all_used, server = _shares(
                page, (renderers(), descendants(os.getpid()), [fleet.pid]), seconds
            )
        row = "".join(f"{each:>8.1f}" for each in (page_used, all_used, server, server - idle))
        print(f"{view + ' ' if view else '':<7}{path:<37}{row}", flush=True)
    with ExitStack() as stack:
        for _ in range(VIEWERS):
            address = f"http://127.0.0.1:{fleet.port}/"
            stack.enter_context(seen(browser, address, "table"))
        many = _share([fleet.pid], seconds)
    row = f"{'':>8}{'':>8}{many:>8.1f}{(many - idle) / VIEWERS:>8.1f}"
    print(f"{f'each of {VIEWERS} at the fleet':<44}{row}", flush=True)


def _share(pids: Sequence[int], seconds: float) -> float:
    begun, used = time.monotonic(), cpu_seconds(pids)
    time.sleep(seconds)
    return 100 * (cpu_seconds(pids) - used) / (time.monotonic() - begun)


def _shares(page: Page, groups: Sequence[list[int]], seconds: float) -> list[float]:
    begun, used = time.monotonic(), [cpu_seconds(pids) for pids in groups]
    page.wait_for_timeout(seconds * 1000)
    lasted = time.monotonic() - begun
    return [
        100 * (cpu_seconds(pids) - before) / lasted
        for pids, before in zip(groups, used, strict=True)
    ]


def show_sizes() -> None:
    """Bytes of scripts and the stylesheet."""
    print(f"\n{'KB':<44}{'plain':>8}{'gzip':>8}")
    manifest = msgspec.json.decode((STATIC / "manifest.json").read_bytes())
    parts = {each for several in manifest["imports"].values() for each in several}
    kinds: dict[str, list[bytes]] = {}
    for name in {*manifest["files"].values(), *parts}:
        body = (STATIC / name).read_bytes()
        kinds.setdefault(f"all {Path(name).suffix}", []).append(body)
        kinds.setdefault(name, []).append(body)
    for name, bodies in sorted(kinds.items()):
        packed = sum(len(gzip.compress(body, 9)) for body in bodies)
        print(f"{name:<44}{sum(map(len, bodies)) / 1000:>8.1f}{packed / 1000:>8.1f}")


def is_known(fleet: RunningFleet) -> bool:
    """Whether all hosts are up with their containers, and were sampled."""
    found = fleet.document("/api/hosts")
    return found is not None and all(
        host["status"] == "up" and host["containers"]["running"] and host["machine"]
        for host in found["hosts"]
    )


def running_of(fleet: RunningFleet, host: str) -> list[str]:
    """Names of the containers that run on a host; none while the API does not answer."""
    found = fleet.document(f"/api/containers?host={host}&state=running")
    return [one["name"] for one in found["containers"]] if found else []


def measure(hosts: int, containers: int, rate: float, seconds: float, turns: int) -> None:
    """Print all figures."""
    show_sizes()
    with Simulated(hosts=hosts, containers=containers, seed=7, rate=rate, logged=0) as simulated:
        begun = time.monotonic()
        with fleet_over(simulated.config, PATIENCE) as fleet:
            wait_until(lambda: is_known(fleet), "all hosts are known", PATIENCE, 1.0)
            host = simulated.names[0]
            some = wait_until(lambda: running_of(fleet, host), "its containers are told", PATIENCE)
            print(f"\nall of {hosts} hosts known in {time.monotonic() - begun:.0f} s", flush=True)
            paths = ["/", "/containers", f"/hosts/{host}", f"/hosts/{host}/containers/{some[0]}"]
            with open_browser() as browser:
                show_times(fleet, browser, paths, turns)
                show_live(fleet, browser, paths, seconds)
    print("load of the machine:", *(f"{each:.1f}" for each in os.getloadavg()))


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hosts", type=int, default=100)
    parser.add_argument("--containers", type=int, default=50, help="of each host")
    parser.add_argument("--rate", type=float, default=0.1, help="events a second and host")
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--turns", type=int, default=5)
    given = parser.parse_args()
    measure(given.hosts, given.containers, given.rate, given.seconds, given.turns)


if __name__ == "__main__":
    main()
