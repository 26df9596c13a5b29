-- Who may ask for what, and who did. What proves an identity is never here: of tokens, sessions and
-- links there are SHA-256 hashes of random values, of passwords what argon2 makes of them.
-- `scope` is a list of labels of hosts, KEY or KEY=VALUE; empty means all hosts.

CREATE TABLE access_tokens (
    id         text PRIMARY KEY,
    name       text NOT NULL,
    hash       bytea NOT NULL,
    role       text NOT NULL,
    scope      jsonb NOT NULL,
    created    timestamptz NOT NULL DEFAULT now(),
    created_by text NOT NULL,
    expires    timestamptz,
    revoked    timestamptz,
    revoked_by text
);
CREATE UNIQUE INDEX access_tokens_name ON access_tokens (name) WHERE revoked IS NULL;

-- Apart from the tokens, as it is written often and changes nothing that they mean.
CREATE TABLE access_token_uses (
    id      text PRIMARY KEY REFERENCES access_tokens ON DELETE CASCADE,
    time    timestamptz NOT NULL,
    address text NOT NULL
);

-- `issuer` and `subject` are of who logs in elsewhere; such an account has no password.
CREATE TABLE accounts (
    name       text PRIMARY KEY,
    password   text,
    issuer     text,
    subject    text,
    role       text NOT NULL,
    scope      jsonb NOT NULL,
    created    timestamptz NOT NULL DEFAULT now(),
    created_by text NOT NULL,
    changed    timestamptz NOT NULL DEFAULT now(),
    disabled   timestamptz,
    UNIQUE (issuer, subject)
);

-- Sessions of browsers: `expires` is the latest end, `seen` the last use (the idle limit).
CREATE TABLE account_sessions (
    id      text PRIMARY KEY,
    hash    bytea NOT NULL UNIQUE,
    account text NOT NULL REFERENCES accounts ON DELETE CASCADE ON UPDATE CASCADE,
    csrf    text NOT NULL,
    created timestamptz NOT NULL DEFAULT now(),
    seen    timestamptz NOT NULL DEFAULT now(),
    expires timestamptz NOT NULL,
    address text NOT NULL,
    agent   text NOT NULL
);
CREATE INDEX account_sessions_account ON account_sessions (account);

-- Links that set a password, once.
CREATE TABLE account_links (
    hash       bytea PRIMARY KEY,
    account    text NOT NULL REFERENCES accounts ON DELETE CASCADE ON UPDATE CASCADE,
    created    timestamptz NOT NULL DEFAULT now(),
    created_by text NOT NULL,
    expires    timestamptz NOT NULL
);

-- Whoever holds the above in memory looks here for whether it changed.
CREATE TABLE access_version (version bigint NOT NULL);
INSERT INTO access_version VALUES (1);

CREATE FUNCTION access_changed() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    UPDATE access_version SET version = version + 1;
    RETURN NULL;
END
$$;
CREATE TRIGGER changed AFTER INSERT OR UPDATE OR DELETE ON access_tokens
    FOR EACH STATEMENT EXECUTE FUNCTION access_changed();
CREATE TRIGGER changed
    AFTER INSERT OR DELETE OR UPDATE OF name, password, role, scope, disabled ON accounts
    FOR EACH STATEMENT EXECUTE FUNCTION access_changed();
CREATE TRIGGER changed AFTER INSERT OR DELETE OR UPDATE OF expires ON account_sessions
    FOR EACH STATEMENT EXECUTE FUNCTION access_changed();

-- What was done with tokens and accounts. `who` is a token's id or an account's name, empty where
-- that is not known; of what is the same within a minute or an hour there is one row, with `count`.
CREATE TABLE access_audit (
    time    timestamptz NOT NULL,
    kind    text NOT NULL,
    who     text NOT NULL,
    address text NOT NULL,
    detail  text NOT NULL,
    count   bigint NOT NULL,
    PRIMARY KEY (time, kind, who, address)
);
