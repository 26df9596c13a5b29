"""The pages of people as HTML: readable on a phone, in the dark, and without script.

Everything that is not ours is escaped.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from html import escape

from litestar.response.base import ASGIResponse

from web.access.csrf import FIELD
from web.access.people import SessionFacts
from web.pages.assets import AssetsMissingError, asset_path

# The secret of a link stands behind its #, which no browser sends and so no log has.
SCRIPT = """
const code = location.hash.slice(1);
if (code) {
  document.getElementById("code").value = code;
  history.replaceState(null, "", location.pathname);
}
"""


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


_POLICY = (
    "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)
_POLICY_OF_SCRIPT = f"{_POLICY}; script-src 'sha256-{_hash(SCRIPT)}'"


def answer(
    title: str,
    body: str,
    *,
    status: int = 200,
    cookies: Sequence[str] = (),
    headers: Mapping[str, str] | None = None,
    script: bool = False,
    wide: bool = False,
) -> ASGIResponse:
    """One page. Its forms say where they come from, as pages of ours must."""
    page = (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n<link rel="icon" href="data:,">\n'
        f"<title>{escape(title)} · fleet</title>\n{_styles()}</head>\n"
        f'<body class="entrance{" entrance-wide" if wide else ""}">\n'
        f'<main class="panel">\n<p class="brand">fleet</p>\n<h1>{escape(title)}</h1>\n{body}\n'
        "</main>\n"
        f"{f'<script>{SCRIPT}</script>' if script else ''}</body>\n</html>\n"
    )
    return ASGIResponse(
        body=page,
        status_code=status,
        media_type="text/html",
        headers=[
            ("content-security-policy", _POLICY_OF_SCRIPT if script else _POLICY),
            ("referrer-policy", "same-origin"),
            ("cache-control", "no-store"),
            *(headers or {}).items(),
            *(("set-cookie", each) for each in cookies),
        ],
    )


def _styles() -> str:
    """The stylesheet of all pages; none where it was not built, as people are to come in anyway."""
    try:
        return f'<link rel="stylesheet" href="{asset_path("fleet.css")}">\n'
    except AssetsMissingError:
        return ""


def alert(message: str) -> str:
    """Something that went wrong; nothing for an empty message."""
    return _notice("alert", "bad", message)


def _notice(role: str, tone: str, message: str) -> str:
    if not message:
        return ""
    return f'<p class="notice" data-tone="{tone}" role="{role}">{escape(message)}</p>'


def sorry(message: str) -> str:
    """Something that went wrong, and the way back."""
    return f'{alert(message)}\n<a class="button" href="/login">Try again</a>'


def login_form(following: str, name: str, message: str, elsewhere: str, others: str) -> str:
    """The login.

    Args:
        following: Where it leads on to.
        name: What was given before, if the name was not the mistake.
        message: What went wrong, empty for nothing.
        elsewhere: What the button of the provider says, empty for none.
        others: Where that button leads to.
    """
    button = ""
    if elsewhere:
        button = f'<a class="button" href="{escape(others)}">{escape(elsewhere)}</a>'
    focus = {"password": "autofocus"} if name else {"name": "autofocus"}
    return f"""{alert(message)}
<form method="post" action="/login">
<input type="hidden" name="next" value="{escape(following)}">
<label for="name">Name</label>
<input id="name" name="name" value="{escape(name)}" autocomplete="username" autocapitalize="none"
 spellcheck="false" maxlength="64" required {focus.get("name", "")}>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password"
 maxlength="1024" required {focus.get("password", "")}>
<button type="submit" class="primary">Log in</button>
</form>
{button}"""


def logout_form(name: str, token: str) -> str:
    """Asks whether to log out."""
    return f"""<p>You are logged in as <strong>{escape(name)}</strong>.</p>
<form method="post" action="/logout">{_hidden(token)}
<button type="submit" class="primary" autofocus>Log out</button></form>
<a class="button" href="/">Back</a>"""


def welcome_form(message: str, code: str, name: str, *, first: bool) -> str:
    """Sets a password by a one-time link; `first`: and makes the first account."""
    named = (
        f"""<label for="name">Name</label>
<input id="name" name="name" value="{escape(name)}" autocomplete="username" autocapitalize="none"
 spellcheck="false" maxlength="64" required>
<small>It may do everything: the first account is an admin's.</small>"""
        if first
        else ""
    )
    return f"""{alert(message)}
<form method="post" action="/welcome">
<label for="code">Code</label>
<input id="code" name="code" value="{escape(code)}" autocomplete="off" spellcheck="false"
 maxlength="100" required>
<small>It is what stands behind the # of the link.</small>
{named}{_new_password()}
<button type="submit" class="primary">{"Make the account" if first else "Set the password"}</button>
</form>"""


def account_page(
    name: str,
    role: str,
    hosts: str,
    token: str,
    sessions: Sequence[SessionFacts],
    own: str,
    message: str,
    done: str,
    *,
    has_password: bool,
) -> str:
    """Who one is, one's sessions, and another password."""
    return f"""{alert(message)}{_notice("status", "good", done)}
<p><strong>{escape(name)}</strong>, {escape(role)} of {escape(hosts)}.</p>
<p class="entrance-links"><a href="/">To the fleet</a> <a href="/logout">Log out</a></p>
{_password_form(token) if has_password else ""}
<h2>Sessions</h2>
<ul>
{"".join(_session(each, own) for each in sessions)}
</ul>
<form method="post" action="/account/logout-others">{_hidden(token)}
<button type="submit">Log out all others</button></form>"""


def _password_form(token: str) -> str:
    return f"""<h2>Password</h2>
<form method="post" action="/account/password">{_hidden(token)}
<label for="current">Present password</label>
<input id="current" name="current" type="password" autocomplete="current-password"
 maxlength="1024" required>
{_new_password()}
<small>All other sessions end.</small>
<button type="submit" class="primary">Change the password</button>
</form>"""


def _new_password() -> str:
    return """<label for="password">New password</label>
<input id="password" name="password" type="password" autocomplete="new-password" minlength="12"
 maxlength="1024" required>
<small>At least 12 characters; several words are fine.</small>
<label for="again">The same again</label>
<input id="again" name="again" type="password" autocomplete="new-password" maxlength="1024"
 required>"""


def _hidden(token: str) -> str:
    return f'<input type="hidden" name="{FIELD}" value="{escape(token)}">'


def _session(facts: SessionFacts, own: str) -> str:
    this = "<strong>this one</strong>, " if facts.id == own else ""
    agent = escape(facts.agent) or "a client without a name"
    return (
        f"<li>{this}since {_moment(facts.created)}, last used {_moment(facts.seen)}"
        f"<small>{escape(facts.address)}, {agent}</small></li>"
    )


def _moment(time: datetime) -> str:
    return f'<time datetime="{time.isoformat()}">{time:%Y-%m-%d %H:%M} UTC</time>'
