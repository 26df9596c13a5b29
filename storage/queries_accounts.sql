-- Accounts of people, their sessions in browsers, and links that set a password once.

-- name: accounts
SELECT name, password, issuer, subject, role, scope, created, created_by, changed, disabled,
       last_login
FROM accounts
WHERE %(name)s::text IS NULL OR name = %(name)s
ORDER BY name
LIMIT %(limit)s

-- name: account_of_subject
SELECT name, password, issuer, subject, role, scope, created, created_by, changed, disabled,
       last_login
FROM accounts
WHERE issuer = %(issuer)s AND subject = %(subject)s

-- name: count_accounts
SELECT count(*) FROM accounts

-- name: lock_accounts
-- Who makes the first account, or one more of many, does so alone.
LOCK TABLE accounts IN SHARE ROW EXCLUSIVE MODE

-- name: add_account
INSERT INTO accounts (name, password, issuer, subject, role, scope, created, created_by, changed)
VALUES (%(name)s, %(password)s, %(issuer)s, %(subject)s, %(role)s, %(scope)s, %(created)s,
        %(created_by)s, %(created)s)
ON CONFLICT DO NOTHING

-- name: change_account
-- A null stands for what stays as it is.
UPDATE accounts
SET password = coalesce(%(password)s, password), role = coalesce(%(role)s, role),
    scope = coalesce(%(scope)s, scope), changed = now(),
    disabled = CASE WHEN %(disabled)s::boolean IS NULL THEN disabled
                    WHEN %(disabled)s::boolean THEN coalesce(disabled, now()) END
WHERE name = %(name)s

-- name: rehash_password
-- The same password with other parameters: no change that ends a session.
UPDATE accounts SET password = %(password)s WHERE name = %(name)s AND password = %(before)s

-- name: remove_account
DELETE FROM accounts WHERE name = %(name)s

-- name: sessions
-- Those that may be used now; or the one with this hash.
SELECT account_sessions.id, hash, account, role, scope, password IS NOT NULL AS has_password,
       account_sessions.created, seen, expires, address, agent
FROM account_sessions JOIN accounts ON accounts.name = account
WHERE disabled IS NULL AND expires > now() AND seen > now() - %(idle)s
  AND (%(hash)s::bytea IS NULL OR hash = %(hash)s)
ORDER BY seen DESC
LIMIT %(limit)s

-- name: add_session
INSERT INTO account_sessions (id, hash, account, created, seen, expires, address, agent)
VALUES (%(id)s, %(hash)s, %(account)s, %(created)s, %(created)s, %(expires)s, %(address)s,
        %(agent)s)

-- name: note_login
UPDATE accounts SET last_login = %(time)s
WHERE name = %(name)s AND disabled IS NULL AND password IS NOT DISTINCT FROM %(password)s

-- name: end_old_sessions
-- The newest `most` of an account stay.
DELETE FROM account_sessions
WHERE id IN (SELECT id FROM account_sessions WHERE account = %(account)s
             ORDER BY created DESC, id OFFSET %(most)s)

-- name: end_session
DELETE FROM account_sessions WHERE hash = %(hash)s RETURNING account

-- name: end_sessions
DELETE FROM account_sessions WHERE account = %(account)s AND id <> %(but)s

-- name: note_seen
-- Several processes may tell of one session: the latest wins.
UPDATE account_sessions SET seen = %(time)s WHERE id = %(id)s AND seen < %(time)s

-- name: links
SELECT hash, account, created, created_by, expires
FROM account_links
WHERE hash = %(hash)s AND expires > now()

-- name: add_link
INSERT INTO account_links (hash, account, created, created_by, expires)
VALUES (%(hash)s, %(account)s, %(created)s, %(created_by)s, %(expires)s)

-- name: end_links
-- Of an account, or those that make the first one.
DELETE FROM account_links WHERE account IS NOT DISTINCT FROM %(account)s

-- name: use_link
DELETE FROM account_links WHERE hash = %(hash)s AND expires > now()
RETURNING hash, account, created, created_by, expires
