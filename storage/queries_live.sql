-- Live state: written by the one supervisor, read by those who serve.

-- name: live_put
INSERT INTO live_state (kind, host, key, document)
SELECT * FROM unnest(%(kinds)s::text[], %(hosts)s::text[], %(keys)s::text[], %(documents)b::bytea[])
ON CONFLICT (kind, host, key) DO UPDATE SET document = excluded.document

-- name: live_drop
DELETE FROM live_state AS old
USING unnest(%(kinds)s::text[], %(hosts)s::text[], %(keys)s::text[]) AS gone (kind, host, key)
WHERE old.kind = gone.kind AND old.host = gone.host AND old.key = gone.key

-- name: live_told
INSERT INTO live_changes (revision, changes) VALUES (%(revision)s, %(changes)b)

-- name: live_forget
DELETE FROM live_changes WHERE revision <= %(revision)s

-- name: live_beat
INSERT INTO live_run (run, format, revision, beat)
VALUES (%(run)s, %(format)s, %(revision)s, clock_timestamp())
ON CONFLICT (sole) DO UPDATE
SET run = excluded.run, format = excluded.format, revision = excluded.revision, beat = excluded.beat

-- name: live_run
SELECT run, format, revision, extract(epoch FROM clock_timestamp() - beat)::float8 AS age,
       EXISTS (SELECT FROM pg_locks
               WHERE locktype = 'advisory' AND objsubid = 1
                 AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
                 AND (classid::bigint << 32) + objid::bigint = %(lock)s) AS held
FROM live_run

-- name: live_whole
SELECT kind, host, key, document FROM live_state

-- name: live_since
SELECT revision, changes FROM live_changes WHERE revision > %(revision)s ORDER BY revision
