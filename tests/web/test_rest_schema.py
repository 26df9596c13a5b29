from __future__ import annotations

from typing import Any

import httpx
import jsonschema_rs
import msgspec
import pytest
import yaml

from web.documents import Document
from web.rest.examples import example_of
from web.rest.openapi import TAGS


@pytest.fixture
async def schema(client: httpx.AsyncClient) -> dict[str, Any]:
    answer = await client.get("/api/openapi.json")
    assert answer.headers["content-type"] == "application/vnd.oai.openapi+json"
    found: dict[str, Any] = answer.json()
    return found


def operations(schema: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (method, path, operation)
        for path, methods in schema["paths"].items()
        for method, operation in methods.items()
    ]


async def test_every_example_is_what_the_schema_says(schema: dict[str, Any]) -> None:
    checked = 0
    for _, path, operation in operations(schema):
        for status, answer in operation["responses"].items():
            for media, content in answer.get("content", {}).items():
                examples = [one["value"] for one in content.get("examples", {}).values()]
                examples += [content["example"]] if "example" in content else []
                assert examples or not media.endswith("json"), (path, status)
                whole = {**content["schema"], "components": schema["components"]}
                valid = jsonschema_rs.Draft202012Validator(whole)
                for example in examples:
                    assert not list(valid.iter_errors(example)), (path, status, example)
                    checked += 1
    assert checked > 200


def all_documents(base: type[Document]) -> list[type[Document]]:
    return [base, *(one for sub in base.__subclasses__() for one in all_documents(sub))]


def test_examples_are_whole_documents() -> None:
    for document in all_documents(Document):
        example = example_of(document)
        assert msgspec.to_builtins(msgspec.convert(example, document)) == example


async def test_every_operation_says_what_it_is(schema: dict[str, Any]) -> None:
    assert schema["openapi"].startswith("3.1")
    assert {tag["name"] for tag in schema["tags"]} == set(TAGS)
    assert set(schema["components"]["securitySchemes"]) == {"bearer", "cookie"}
    ids = [operation["operationId"] for _, _, operation in operations(schema)]
    assert len(set(ids)) == len(ids)
    assert {"listContainers", "showHost"} <= set(ids)
    for method, path, operation in operations(schema):
        assert operation.get("description"), (method, path)
        assert operation["tags"][0] in TAGS, path
        for parameter in operation.get("parameters", ()):
            assert parameter.get("description"), (path, parameter["name"])
    by_path = schema["paths"]
    assert by_path["/health"]["get"]["security"] == []
    assert "401" not in by_path["/health"]["get"]["responses"]
    assert set(by_path["/api/hosts"]["get"]["responses"]) >= {"200", "400", "401", "403", "429"}


async def test_the_schema_is_there_in_yaml_too(
    client: httpx.AsyncClient, schema: dict[str, Any]
) -> None:
    answer = await client.get("/api/openapi.yaml")
    assert yaml.load(answer.text, Loader=yaml.CSafeLoader) == schema
