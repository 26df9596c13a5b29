-- Named queries: `-- name:` begins one, the comment lines below it describe it.

-- name: recent_events
-- Newest first. A container is meant by its id, the beginning of its id (4 characters at least), its
-- name, or HOST/NAME; an event of something else is its too where it names the container's id. An
-- event has the labels of its host, and its attributes, which win.
SELECT host, time, time_nano, type, action, actor_id, name, exit_code, attributes
FROM container_events
WHERE (%(hosts)s::text[] IS NULL OR host = ANY(%(hosts)s))
  AND (%(containers)s::text[] IS NULL
       OR type = 'container'
          AND (name = ANY(%(containers)s) OR host || '/' || name = ANY(%(containers)s))
       OR EXISTS (SELECT FROM unnest(%(containers)s::text[]) AS ref
                  WHERE length(ref) >= 4
                    AND starts_with(CASE type WHEN 'container' THEN actor_id
                                    ELSE attributes ->> 'container' END, ref)))
  AND (%(types)s::text[] IS NULL OR type = ANY(%(types)s))
  AND (%(actions)s::text[] IS NULL
       OR EXISTS (SELECT FROM unnest(%(actions)s::text[]) AS family
                  WHERE action = family OR starts_with(action, family || ':')))
  AND (%(unlabelled)s
       OR coalesce((SELECT labels FROM hosts WHERE name = host), '{}') || attributes
          @> %(labels)s::jsonb
          AND coalesce((SELECT labels FROM hosts WHERE name = host), '{}') || attributes
              ?& %(keys)s::text[])
  AND (%(before)s::bigint IS NULL OR time_nano < %(before)s)
  AND time >= %(since)s::timestamptz AND time <= %(until)s::timestamptz
ORDER BY time DESC, time_nano DESC
LIMIT %(limit)s

-- name: health_history
-- Every change of status, and the first observation of each step; newest first.
SELECT time, host, status, engine_version, running, total, unhealthy, response_seconds, error,
       error_kind, attempts
FROM (
    SELECT *, lag(status) OVER (ORDER BY time) AS status_before,
           lag(time) OVER (ORDER BY time) AS time_before
    FROM host_health
    WHERE host = %(host)s AND time >= %(start)s AND time < %(end)s
) AS observed
WHERE status IS DISTINCT FROM status_before
   OR date_bin(%(width)s, time, %(start)s) > date_bin(%(width)s, time_before, %(start)s)
ORDER BY time DESC
LIMIT %(limit)s

-- name: last_event_nanos
-- The Engine's time of the newest event of each host: where to resume from.
SELECT hosts.name, newest.time_nano
FROM hosts, LATERAL (
    SELECT time_nano
    FROM container_events
    WHERE host = hosts.name
    ORDER BY time DESC, time_nano DESC
    LIMIT 1
) AS newest

-- name: containers_known
-- The containers of a host that were there when it was last seen.
SELECT host, id, name, identity, image, image_id, state, health, labels, created, started,
       finished, exit_code, restart_count, seen, removed
FROM containers
WHERE host = %(host)s AND removed IS NULL
ORDER BY name, id
LIMIT %(limit)s

-- name: latest_counters
-- The counters of each container that is not known to be removed, as of its newest sample.
SELECT containers.host, containers.id, newest.time, newest.started, newest.cpu_total,
       newest.network_rx, newest.network_tx, newest.block_read, newest.block_write
FROM containers, LATERAL (
    SELECT time, started, cpu_total, network_rx, network_tx, block_read, block_write
    FROM container_stats
    WHERE host = containers.host AND container_id = containers.id AND time >= %(since)s
    ORDER BY time DESC
    LIMIT 1
) AS newest
WHERE containers.removed IS NULL AND containers.host = ANY(%(hosts)s)

-- name: latest_network
-- The network counters of each machine, as of its newest sample that has any.
SELECT wanted.host, newest.network_rx, newest.network_tx
FROM unnest(%(hosts)s::text[]) AS wanted (host), LATERAL (
    SELECT network_rx, network_tx
    FROM host_stats
    WHERE host = wanted.host AND time >= %(since)s
      AND network_rx IS NOT NULL AND network_tx IS NOT NULL
    ORDER BY time DESC
    LIMIT 1
) AS newest

-- name: last_log_lines
-- The newest line of each container that is not known to be removed: where to resume from.
SELECT containers.host, containers.id AS container_id, newest.stream, newest.time_nano,
       newest.sequence
FROM containers, LATERAL (
    SELECT stream, time_nano, sequence
    FROM container_logs
    WHERE host = containers.host AND container_id = containers.id AND time >= %(since)s
    ORDER BY time DESC, time_nano DESC, stream DESC, sequence DESC
    LIMIT 1
) AS newest
WHERE containers.removed IS NULL AND containers.host = ANY(%(hosts)s)

-- name: images_known
-- The images of a host that were there when it was last seen.
SELECT host, id, tags, digests, size, architecture, operating_system, created, first_seen, seen,
       removed
FROM docker_images
WHERE host = %(host)s AND removed IS NULL
ORDER BY id
LIMIT %(limit)s

-- name: newest_versions
-- What each reference last meant on a host.
SELECT DISTINCT ON (reference) reference, image_id
FROM image_versions
WHERE host = %(host)s
ORDER BY reference, time DESC
LIMIT %(limit)s
