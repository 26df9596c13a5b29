"""The templates, with all that they may use."""

from __future__ import annotations

from functools import cache
from urllib.parse import quote, urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined, Template, pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from web.pages import wording
from web.pages.assets import asset_path
from web.pages.states import CONDITION_TONES, container_tone, host_tone, verdict_tone


@pass_context
def _moment(context: Context, time: object, counting: str = "") -> Markup:
    return wording.time_element(time, context["zone"], context["now"], counting)  # type: ignore[arg-type] # Jinja gives no types


@cache
def environment() -> Environment:
    """Everything is escaped, and a name that is not there is an error, not an empty text."""
    made = Environment(
        loader=PackageLoader("web.pages", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters |= {
        "size": wording.size,
        "percent": wording.percent,
        "milliseconds": wording.milliseconds,
        "duration": wording.duration,
        "moment": _moment,
        "prose": wording.prose,
        "segment": lambda text: quote(str(text), safe=""),
        "query": lambda pairs: urlencode(pairs, doseq=True),
    }
    made.globals |= {
        "asset": asset_path,
        "element_id": wording.element_id,
        "share": wording.share,
        "condition_tones": CONDITION_TONES,
        "host_tone": host_tone,
        "container_tone": container_tone,
        "verdict_tone": verdict_tone,
    }
    return made


@cache
def template(name: str) -> Template:
    """One template, compiled once."""
    return environment().get_template(name)
