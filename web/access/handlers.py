"""All handlers of people: pages, and what programs in a browser ask."""

from __future__ import annotations

from web.access import account, login, oidc, session_api, welcome

HANDLERS_OF_PEOPLE = (
    login.show_login,
    login.log_in,
    login.show_logout,
    login.log_out,
    welcome.show_welcome,
    welcome.accept_link,
    account.show_account,
    account.change_password,
    account.log_out_others,
    oidc.begin_elsewhere,
    oidc.come_back,
    session_api.show_session,
    session_api.begin_session,
    session_api.end_session,
    session_api.change_password,
)
