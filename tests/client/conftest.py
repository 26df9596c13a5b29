"""The served application of the web's tests, on a real socket."""

from tests.web.conftest import (
    address,
    app,
    fleet,
    history,
    holdings,
    live,
    logs,
    routes,
)

__all__ = ["address", "app", "fleet", "history", "holdings", "live", "logs", "routes"]
