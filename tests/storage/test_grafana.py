"""Queries for people and Grafana: every one that is given runs as it is, on each edition."""

import json
import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg

from config.models import Storage
from storage.database import Database
from storage.migrate import SCHEMA

FOLDER = Path(__file__).parents[2] / "docs" / "grafana"
GUIDE = FOLDER.parent / "storage.md"
DASHBOARD = FOLDER / "dashboards" / "fleet.json"

# What Grafana puts in: its macros, and our variables as it writes several values in SQL.
MACROS = {
    r"\$__timeFilter\((\w+)\)": r"\1 BETWEEN '2026-11-21T00:00:00Z' AND '2026-11-21T06:00:00Z'",
    r"\$host": "'edge-1','o''hare'",
    r"\$container": "'compose:shop/web/1'",
    r"\$search": "error",
}


def queries() -> Iterator[tuple[str, str]]:
    dashboard: dict[str, Any] = json.loads(DASHBOARD.read_text())
    for panel in dashboard["panels"]:
        for target in panel.get("targets", ()):
            yield panel["title"], target["rawSql"]
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            yield variable["name"], variable["query"]
    for annotation in dashboard["annotations"]["list"]:
        yield annotation["name"], annotation["target"]["rawSql"]


def as_sent(sql: str, resolution: str) -> str:
    sql = sql.replace("$resolution", resolution)
    for pattern, text in MACROS.items():
        sql = re.sub(pattern, text, sql)
    return sql


async def test_every_query_of_the_dashboard_runs(conninfo: str) -> None:
    with closing(Database(conninfo, None, Storage())) as database:
        await database.prepare()
    with psycopg.connect(conninfo, autocommit=True) as connection:
        for title, sql in queries():
            for resolution in ("1m", "1h", "1d"):
                sent = as_sent(sql, resolution)
                assert "$" not in sent, title
                assert connection.execute(sent.encode()).description, title


async def test_every_query_of_the_guide_runs(conninfo: str) -> None:
    found = re.findall(r"```sql\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    assert len(found) > 5
    with closing(Database(conninfo, None, Storage())) as database:
        await database.prepare()
    with psycopg.connect(conninfo, autocommit=True) as connection:
        for sql in found:
            assert connection.execute(sql.encode()).description, sql


async def test_the_role_of_the_page_reads_all_that_the_dashboard_asks(fresh_embedded: str) -> None:
    found = re.findall(r"^ *```sql\n(.*?)```", (FOLDER / "README.md").read_text(), re.S | re.M)
    assert len(found) == 1
    with closing(Database(fresh_embedded, None, Storage())) as database:
        await database.prepare()
    with psycopg.connect(fresh_embedded) as connection:
        connection.execute(found[0].encode())
        connection.execute("SET ROLE grafana")
        for title, sql in queries():
            assert connection.execute(as_sent(sql, "1h").encode()).description, title
        connection.rollback()  # roles are of the whole server


def test_the_dashboard_names_only_what_it_defines() -> None:
    dashboard = json.loads(DASHBOARD.read_text())
    defined = {variable["name"] for variable in dashboard["templating"]["list"]}
    used = {name for _, sql in queries() for name in re.findall(r"\$(?!__)(\w+)", sql)}
    assert used == defined
    places = [tuple(panel["gridPos"].values()) for panel in dashboard["panels"]]
    assert len(set(places)) == len(places)
    source = (FOLDER / "provisioning/datasources/fleet.yaml").read_text()
    assert f"uid: {dashboard['panels'][1]['datasource']['uid']}\n" in source
    assert f"{SCHEMA}.hosts" in json.dumps(dashboard)
