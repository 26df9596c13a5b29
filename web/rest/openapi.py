"""What the router's own schema lacks: tags, who may ask, meanings of parameters, and examples."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from labels.render.formats import FORMATS, Format
from web.documents import Document
from web.problems import KINDS, MEDIA_TYPE
from web.rest.examples import example_of, example_problem, example_routes
from web.rest.pages import item_type

Spec = dict[str, Any]

_PROXIES = {f"/api/revp/{made.path}": made for made in FORMATS.values()}

TAGS = {
    "hosts": "Hosts and their machines.",
    "containers": "Containers: state, samples, events, uptime.",
    "logs": "Lines of containers' logs.",
    "images": "Images, and what tags meant.",
    "metrics": "Many containers together, and Prometheus.",
    "events": "What Engines tell of.",
    "live": "Streams of what changes.",
    "routes": "Domains, and the documents of proxies.",
    "access": "Who may do what: tokens, logins, the audit.",
    "program": "fleet itself.",
}
_TAGGED = (
    (r"/api/stream/|/api/revp/stream|/api/ws", "live"),
    (r"/api/hosts", "hosts"),
    (r".*/logs$", "logs"),
    (r"/api/containers", "containers"),
    (r"/api/images", "images"),
    (r"/metrics|/api/metrics", "metrics"),
    (r"/api/events", "events"),
    (r"/api/revp/", "routes"),
    (r"/api/(tokens|audit|session|access|accounts|users|oidc)|/log|/welcome", "access"),
)
_PATH_PARAMETERS = {
    "host": ("the name of a configured host", "edge-1"),
    "ref": ("a name, an id, or at least the first 4 characters of an id; / is written %2F", "web"),
    "domain": ("a domain, in any case and script", "shop.example.com"),
    "name": ("the name of an account", "ada"),
    "id": ("the id of a token", "k3v9x2m4qa"),
}
_IMAGE_REF = ("an id, at least the first 4 characters of one, a tag or a digest", "redis:7")
_QUERY_EXAMPLES: Mapping[str, Any] = {
    "name": "we*",
    "host": ["edge-1"],
    "label": ["site=fra"],
    "last": "2h",
    "since": "2h",
    "domain": ["shop.example.com"],
    "id": ["edge-1/web"],
}
# What is refused otherwise, where the types of parameters do not say so.
_QUERY_SCHEMAS: Mapping[tuple[str, str], Spec] = {
    ("/api/revp/issues", "format"): {"type": "string", "enum": list(FORMATS)},
    ("/api/revp/drift", "url"): {
        "type": "string",
        "pattern": "^(https?|tcp|unix)://.",
        "maxLength": 500,
    },
}
_EXACT_EXAMPLES = {"format": "traefik", "url": "http://127.0.0.1:2019"}
_EVENT_STREAM = "text/event-stream"
_EVENT: Spec = {
    "type": "object",
    "description": "One event of the stream",
    "properties": {
        "event": {"type": "string"},
        "id": {"type": "string"},
        "data": {"type": "string", "contentMediaType": "application/json"},
    },
}
_STRINGS = {"type": "array", "items": {"type": "string"}}
_REQUIRED = {("/api/metrics/containers/history", "id"): {"minItems": 1, "maxItems": 50}}
_SCHEMES = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "A token, from `fleet token create` or `POST /api/tokens`.",
    },
    "cookie": {
        "type": "apiKey",
        "in": "cookie",
        "name": "__Host-fleet",
        "description": "A session, from /login; called `fleet` without TLS.",
    },
}
_ANYWHERE = {401: "Nobody, or nobody any more", 403: "Not with this role", 429: "Too often"}
_FITTING = {  # kinds of problems that only some paths answer with, by what is in these
    "unknown-host": r"\{host\}",
    "unknown-container": r"/containers/",
    "ambiguous-container": r"/containers/",
    "unknown-image": r"/images/",
    "unknown-domain": r"/domains/",
    "unknown-token": r"/tokens",
    "unknown-user": r"/users",
    "name-taken": r"/tokens|/users",
    "last-admin": r"/users/",
    "no-routes": r"/revp/",
    "routes-unavailable": r"/revp/",
    "routes-incomplete": r"/revp/",
    "live-unavailable": r"/stream/",
    "too-many-streams": r"/stream|/revp/|/logs",
    "too-many-previews": r"/preview",
    "too-many-scrapes": r"^/metrics",
    "history-unavailable": (
        r"/storage|history|availability|logs|uptime|events|metrics|stats|changes|images"
    ),
    "bad-body": r"/preview|/tokens|/users",
    "body-too-slow": r"/preview|/tokens|/users",
    "config-refused": r"reload",
    "reload-unavailable": r"reload",
    "access-unavailable": r"/tokens|/audit|/users",
    "state-unavailable": r"/config$",
    "logins-unavailable": r"/log|/oidc|/session",
    "wrong-login": r"/login",
    "csrf-token-required": r"/tokens|/users|/log|/session|reload|preview",
    "wrong-origin": r"/tokens|/users|/log|/session|reload|preview|/ws",
    "unknown-path": r"^$",
}


def finished(schema: Spec, open_paths: frozenset[tuple[str, str]]) -> Spec:
    """The schema with all that belongs into it.

    Args:
        schema: The router's, in plain values; it is changed.
        open_paths: Methods and paths that are answered to everyone.
    """
    schema["tags"] = [{"name": name, "description": meaning} for name, meaning in TAGS.items()]
    schema["components"]["securitySchemes"] = _SCHEMES
    schema["security"] = [{}, {"bearer": []}, {"cookie": []}]
    documents = {document.__name__: document for document in _documents(Document)}
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            is_open = (method.upper(), path) in open_paths
            if is_open:
                operation["security"] = []
            operation["tags"] = [_tag(path)]
            _describe_parameters(path, operation, documents)
            _describe_answers(path, operation, documents, is_open=is_open)
    return schema


def _documents(base: type[Document]) -> Iterator[type[Document]]:
    for document in base.__subclasses__():
        yield document
        yield from _documents(document)


def _tag(path: str) -> str:
    return next((tag for pattern, tag in _TAGGED if re.match(pattern, path)), "program")


def _describe_parameters(
    path: str, operation: Spec, documents: Mapping[str, type[Document]]
) -> None:
    for parameter in operation.get("parameters", ()):
        name = parameter["name"]
        if parameter["in"] == "path":
            known = _IMAGE_REF if path.startswith("/api/images/") else _PATH_PARAMETERS.get(name)
            if known is not None:
                parameter["description"], parameter["example"] = known
            parameter["schema"].setdefault("minLength", 1)
            continue
        if (bounds := _REQUIRED.get((path, name))) is not None:
            parameter |= {"required": True, "schema": {**_STRINGS, **bounds}}
        if (exact := _QUERY_SCHEMAS.get((path, name))) is not None:
            parameter |= {"schema": exact, "example": _EXACT_EXAMPLES[name]}
        if name == "fields":
            parameter["example"] = _two_fields(operation, documents)
        elif "enum" not in parameter["schema"]:
            _exemplify(parameter)


def _exemplify(parameter: Spec) -> None:
    """With the example of its name, or the first word that a list is sorted by."""
    name = parameter["name"]
    if name == "sort":
        parameter["example"] = "-" + re.findall(r"of (\w+),", parameter["description"])[0]
    elif name in _QUERY_EXAMPLES:
        example = _QUERY_EXAMPLES[name]
        many = "array" in str(parameter["schema"])
        one = example[0] if isinstance(example, list) else example
        parameter["example"] = [one] if many else one


def _two_fields(operation: Spec, documents: Mapping[str, type[Document]]) -> str:
    """The first two fields of what an operation lists."""
    content = operation["responses"]["200"]["content"]["application/json"]
    document = documents[content["schema"]["$ref"].rpartition("/")[2]]
    item = item_type(document, _listed(document))
    return ",".join(field.encode_name for field in msgspec.structs.fields(item)[:2])


def _listed(document: type[Document]) -> str:
    """The field of a document that holds many of something."""
    for field in msgspec.structs.fields(document):
        if "Document" in str(field.type) and "tuple" in str(field.type):
            return field.encode_name
    raise AssertionError(f"{document.__name__} lists nothing")


def _describe_answers(
    path: str, operation: Spec, documents: Mapping[str, type[Document]], *, is_open: bool
) -> None:
    answers = operation["responses"]
    taken = {parameter["name"] for parameter in operation.get("parameters", ())}
    for status, meaning in _ANYWHERE.items():
        if status == 429 or not is_open:
            answers.setdefault(str(status), _problem(meaning))
    answers.get("204", {}).pop("content", None)  # it has none
    if "follow" in taken:
        answers["200"]["content"][_EVENT_STREAM] = {}
    if _EVENT_STREAM in answers.get("200", {}).get("content", {}):
        answers["200"]["content"][_EVENT_STREAM]["schema"] = _EVENT
    for status, answer in answers.items():
        for media, content in answer.get("content", {}).items():
            name = content["schema"].get("$ref", "").rpartition("/")[2]
            if media == MEDIA_TYPE:
                content["examples"] = _problems(path, int(status))
            elif path in _PROXIES:
                content |= _proxy_document(_PROXIES[path], media)
            elif name in documents:
                content |= _example(documents[name], content["schema"], sparse="fields" in taken)


def _example(document: type[Document], schema: Spec, *, sparse: bool) -> Spec:
    return {
        "schema": _sparse(schema, document) if sparse else schema,
        "example": example_of(document),
    }


def _proxy_document(made: Format, media: str) -> Spec:
    body = made.renderer(made.options()).render(example_routes()).body
    if not media.endswith("json"):
        return {"schema": {"type": "string"}, "example": body.decode()}
    return {"schema": {"type": ["object", "array"]}, "example": msgspec.json.decode(body)}


def _problem(meaning: str) -> Spec:
    content = {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}
    return {"description": meaning, "content": {MEDIA_TYPE: content}}


def _problems(path: str, status: int) -> Spec:
    kinds = [kind for kind, (of_status, _) in KINDS.items() if of_status == status]
    fitting = [kind for kind in kinds if re.search(_FITTING.get(kind, ""), path)]
    return {
        kind: {"summary": KINDS[kind][1], "value": example_problem(kind, path)}
        for kind in fitting or kinds
    }


def _sparse(whole: Spec, document: type[Document]) -> Spec:
    """The document, or with `fields` the same with less of each item."""
    listed = _listed(document)
    sparse = {
        "type": "object",
        "description": "With `fields`: of each item only those",
        "properties": {listed: {"type": "array", "items": {"type": "object"}}},
        "required": [listed],
    }
    return {"anyOf": [whole, sparse]}
