"""A real provider of OpenID Connect that signs what it is told to: its own process, on a socket.

`PUT /lie` with claims changes those of the next token; with `{"key": true}` another key signs it.
`PUT /people/SUBJECT` adds claims to what it says of somebody when asked.
"""

import base64
import json
import logging
from typing import Any

import flask
import oidc_provider_mock  # type: ignore[import-untyped]  # it has no types
import werkzeug.serving
from joserfc import jwt
from joserfc.jwk import RSAKey

KEY = RSAKey.generate_key(2048, {"kid": "honest", "use": "sig"})
OTHER = RSAKey.generate_key(2048, {"kid": "honest", "use": "sig"})
ODD = (  # which others use, and we do not
    {"kty": "EC", "crv": "P-1024", "x": "AA", "y": "AA", "kid": "odd"},
    {"kty": "RSA", "n": "!", "e": "AQAB", "kid": "broken"},
    {"kty": "AKP", "alg": "ML-DSA-44", "pub": "AA", "kid": "new"},
)


def main() -> None:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    app: flask.Flask = oidc_provider_mock.app()
    lies: dict[str, Any] = {}
    asked: dict[str, str] = {}
    people: dict[str, dict[str, Any]] = {}

    @app.put("/lie")
    def lie() -> str:
        lies.clear()
        lies.update(flask.request.json or {})
        return ""

    @app.get("/asked")
    def show() -> flask.Response:
        return flask.jsonify(asked)

    @app.put("/people/<sub>")
    def know(sub: str) -> str:
        people[sub] = flask.request.json or {}
        return ""

    @app.after_request
    def signed(answer: flask.Response) -> flask.Response:
        if flask.request.path == "/jwks":
            answer.data = json.dumps({"keys": [*ODD, KEY.as_dict(private=False)]})
        if flask.request.path == "/userinfo" and answer.status_code == 200:
            said = json.loads(answer.data)
            answer.data = json.dumps(said | people.get(said["sub"], {}))
        if flask.request.path == "/oauth2/token" and answer.status_code == 200:
            asked.update(flask.request.form)
            tokens = json.loads(answer.data)
            claims = json.loads(_payload(tokens["id_token"]))
            claims = {name: value for name, value in (claims | lies).items() if value is not None}
            key = OTHER if claims.pop("key", False) else KEY
            header = {"alg": "RS256", "kid": "honest"}
            tokens["id_token"] = jwt.encode(header, claims, key)
            answer.data = json.dumps(tokens)
        return answer

    server = werkzeug.serving.make_server("127.0.0.1", 0, app, threaded=True)
    print(server.server_port, flush=True)
    server.serve_forever()


def _payload(token: str) -> bytes:
    part = token.split(".")[1]
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


main()
