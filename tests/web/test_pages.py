"""What holds for pages whatever they show: policy, files, problems, regions, the palette."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime

import httpx
import pytest

from tests.web.fleet_in_memory import FleetInMemory
from web.pages.assets import manifest
from web.pages.finding import Hit, rank_of
from web.pages.regions import Region, as_event
from web.pages.wording import duration, element_id, size, time_element, zone_of

BROWSER = {"accept": "text/html,application/xhtml+xml"}


async def test_a_page_runs_no_script_but_ours_and_escapes_what_is_not(
    client: httpx.AsyncClient, fleet: FleetInMemory
) -> None:
    fleet.add_host("<script>alert(1)</script>", "down")
    answer = await client.get("/", headers=BROWSER)
    assert "script-src 'self';" in answer.headers["content-security-policy"]
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert "&lt;script&gt;alert(1)" in answer.text
    assert re.findall(r"<script(?! type=\"module\" src=\"/static/)", answer.text) == []
    assert " style=" not in answer.text
    assert re.findall(r"\son\w+=", answer.text) == []


async def test_each_file_of_the_pages_is_kept_for_ever_and_sent_as_it_is_accepted(
    client: httpx.AsyncClient,
) -> None:
    for name in manifest().files.values():
        plain = await client.get(f"/static/{name}", headers={"accept-encoding": "identity"})
        coded = await client.get(f"/static/{name}", headers={"accept-encoding": "gzip"})
        assert plain.status_code == coded.status_code == 200
        assert plain.content == coded.content
        assert "content-encoding" not in plain.headers
        assert coded.headers["content-encoding"] == "gzip"
        assert "immutable" in coded.headers["cache-control"]


async def test_who_went_astray_gets_a_page_and_a_program_a_problem(
    client: httpx.AsyncClient,
) -> None:
    page = await client.get("/nowhere", headers=BROWSER)
    assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
    problem = await client.get("/nowhere", headers={"accept": "*/*"})
    assert problem.headers["content-type"] == "application/problem+json"
    of_api = await client.get("/api/nowhere", headers=BROWSER)
    assert json.loads(of_api.content)["type"] == "urn:fleet:problem:unknown-path"


def test_only_rows_that_changed_are_sent_while_they_are_the_same_ones() -> None:
    def drawn(**rows: str) -> Region:
        return Region(id="list", html="<ul>{rows}</ul>", rows=rows)

    first = drawn(a="<li>1</li>", b="<li>{rows}</li>")
    assert [*first.since(None)] == ["<ul><li>1</li><li>{rows}</li></ul>"]
    assert [*drawn(a="<li>2</li>", b="<li>{rows}</li>").since(first)] == ["<li>2</li>"]
    assert [*first.since(first)] == []
    assert [*drawn(b="<li>{rows}</li>").since(first)] == ["<ul><li>{rows}</li></ul>"]


def test_html_of_any_shape_is_one_event() -> None:
    event = as_event(["<p>one\r\ntwo\n\nthree</p>", "<tr><td>x</td></tr>"], "7").decode()
    *lines, last, end = event.split("\n")
    assert (last, end) == ("", "")
    assert lines[:2] == ["event: regions", "id: 7"]
    assert all(line.startswith("data: ") for line in lines[2:])
    assert "data: <template><tr>" in event


@pytest.mark.parametrize(
    ("words", "rank"),
    [(["web"], 0), (["we"], 1), (["eb"], 2), (["edge", "web"], 3), (["web", "nothing"], None)],
)
def test_hits_that_fit_better_are_first(words: list[str], rank: int | None) -> None:
    assert rank_of(Hit("container", "web", "edge-1 running", "/"), words) == rank


def test_names_have_elements_of_their_own() -> None:
    names = ["a.b", "a_b", "a-b", "ä", "a b", "a_2e_b"]
    assert len({element_id("host", name) for name in names}) == len(names)
    assert all(re.fullmatch(r"[\w-]+", element_id(name), re.ASCII) for name in names)


def test_figures_are_written_for_people() -> None:
    assert [size(value) for value in (None, 0, 1023, 1536, 5 << 30)] == [
        "-",
        "0 B",
        "1023 B",
        "1.5 KiB",
        "5.0 GiB",
    ]
    assert [duration(s) for s in (0, 59.6, 3_600, 90_061)] == ["0 s", "1 min", "1 h", "1 d 1 h"]
    assert zone_of("../../etc/passwd") == zone_of("")


def test_a_time_at_the_end_of_all_years_is_shown_in_utc() -> None:
    last = datetime(9999, 12, 31, 23, tzinfo=UTC)
    assert ">31 Dec 23:00:00<" in time_element(last, zone_of("Asia/Tokyo"), datetime.now(UTC))
