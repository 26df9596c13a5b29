-- Tokens, and what was done with them and with accounts.

-- name: access_version
SELECT version FROM access_version

-- name: access_tokens
SELECT access_tokens.id, name, hash, role, scope, created, created_by, expires, revoked, revoked_by,
       access_token_uses.time AS used, access_token_uses.address AS used_from
FROM access_tokens
LEFT JOIN access_token_uses USING (id)
ORDER BY created, id
LIMIT %(limit)s

-- name: count_tokens
SELECT count(*) FROM access_tokens WHERE revoked IS NULL AND (expires IS NULL OR expires > now())

-- name: add_token
INSERT INTO access_tokens (id, name, hash, role, scope, created, created_by, expires)
VALUES (%(id)s, %(name)s, %(hash)s, %(role)s, %(scope)s, %(created)s, %(created_by)s, %(expires)s)

-- name: revoke_token
UPDATE access_tokens SET revoked = now(), revoked_by = %(by)s
WHERE (id = %(ref)s OR name = %(ref)s) AND revoked IS NULL
RETURNING id, name, hash, role, scope, created, created_by, expires, revoked, revoked_by

-- name: note_token_use
-- Several processes may tell of one token: the latest wins. One that was deleted is used no more.
INSERT INTO access_token_uses AS known (id, time, address)
SELECT %(id)s, %(time)s, %(address)s WHERE EXISTS (SELECT FROM access_tokens WHERE id = %(id)s)
ON CONFLICT (id) DO UPDATE SET time = excluded.time, address = excluded.address
WHERE known.time < excluded.time

-- name: add_audit
INSERT INTO access_audit (time, kind, who, address, detail, count)
VALUES (%(time)s, %(kind)s, %(who)s, %(address)s, %(detail)s, %(count)s)
ON CONFLICT DO NOTHING

-- name: audit
-- Newest first; `behind` is the place of an entry, for those that come after it.
SELECT time, kind, who, address, detail, count
FROM access_audit
WHERE (%(kind)s::text IS NULL OR kind = %(kind)s)
  AND (%(who)s::text IS NULL OR who = %(who)s)
  AND (%(address)s::text IS NULL OR address = %(address)s)
  AND time >= %(since)s::timestamptz
  -- Also told of the time alone: else the index is read from its end to that place, page by page.
  AND time < least(%(before)s::timestamptz,
                   %(behind_time)s::timestamptz + interval '1 microsecond')
  AND (time, kind, who, address)
    < (%(behind_time)s::timestamptz, %(behind_kind)s::text, %(behind_who)s::text,
       %(behind_address)s::text)
ORDER BY time DESC, kind DESC, who DESC, address DESC
LIMIT %(limit)s
