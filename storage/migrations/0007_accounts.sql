-- A session's token against forged requests is derived from what proves the session, which is not
-- here: so nothing that is here lets anybody act for it.
ALTER TABLE account_sessions DROP COLUMN csrf;

-- A link without an account makes one, an admin's: the first.
ALTER TABLE account_links ALTER COLUMN account DROP NOT NULL;

ALTER TABLE accounts ADD COLUMN last_login timestamptz;
