"""How the values of the configuration are written on pages."""

from __future__ import annotations

from web.config_documents import SettingDocument, SettingValue
from web.pages.wording import duration

NOTHING = "none"
NOT_SET = "not set"  # `none` is a value that `anonymous` may have


def value_text(value: SettingValue, unit: str) -> str:
    """A value as people read it."""
    match value:
        case None:
            return NOT_SET
        case bool():
            return "true" if value else "false"
        case int() | float() if unit == "days":
            return f"{value:.0f} d"
        case int() | float() if unit == "seconds":
            return f"{value:g} s" if value < 60 else duration(value)
        case int() | float():
            # As it is typed; a whole number that another process told comes as 7.0.
            return f"{value:.0f}" if value == int(value) else f"{value:g}"
        case list():
            return ", ".join(value) or NOTHING
        case dict():
            return ", ".join(f"{key} = {each}" for key, each in value.items()) or NOTHING
        case _:
            return value or '""'


def shown(setting: SettingDocument) -> str:
    """What is in force."""
    return value_text(setting.value, setting.unit)


def waiting(setting: SettingDocument) -> str:
    """What a restart puts in force."""
    return value_text(setting.after_restart, setting.unit)
