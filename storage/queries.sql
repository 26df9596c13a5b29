-- Named queries: `-- name:` begins one, the comment lines below it describe it.

-- name: recent_events
-- Newest first. A container is meant by its id, the beginning of its id, or its name.
SELECT host, time, time_nano, type, action, actor_id, name, exit_code, attributes
FROM container_events
WHERE (%(host)s::text IS NULL OR host = %(host)s)
  AND (%(container)s::text IS NULL OR name = %(container)s OR starts_with(actor_id, %(container)s))
  AND (%(type)s::text IS NULL OR type = %(type)s)
  AND (%(action)s::text IS NULL OR action = %(action)s OR starts_with(action, %(action)s || ':'))
  AND (%(before)s::bigint IS NULL OR time_nano < %(before)s)
ORDER BY time DESC, time_nano DESC
LIMIT %(limit)s

-- name: incarnations
-- Every container that was known under this id or identity.
SELECT id
FROM containers
WHERE host = %(host)s AND (id = %(container)s OR identity = %(container)s)

-- name: stats_history
-- Samples in buckets of equal width. Counters are turned into increases sample by sample, so that
-- one that was reset in between is right.
WITH samples AS (
    SELECT time, cpu_percent, memory_used, memory_limit, pids,
           network_rx, lag(network_rx) OVER ordered AS network_rx_before,
           network_tx, lag(network_tx) OVER ordered AS network_tx_before,
           block_read, lag(block_read) OVER ordered AS block_read_before,
           block_write, lag(block_write) OVER ordered AS block_write_before
    FROM container_stats
    WHERE host = %(host)s AND container_id = ANY(%(containers)s)
      AND time >= %(start)s AND time < %(end)s
    WINDOW ordered AS (PARTITION BY container_id ORDER BY time)
)
SELECT date_bin(%(width)s, time, %(start)s) AS time,
       count(*) AS samples,
       avg(cpu_percent) AS cpu_percent_avg,
       max(cpu_percent) AS cpu_percent_max,
       avg(memory_used)::float8 AS memory_used_avg,
       max(memory_used) AS memory_used_max,
       max(memory_limit) AS memory_limit,
       sum(CASE WHEN network_rx >= network_rx_before THEN network_rx - network_rx_before
                WHEN network_rx_before IS NOT NULL THEN network_rx END)::bigint AS network_rx,
       sum(CASE WHEN network_tx >= network_tx_before THEN network_tx - network_tx_before
                WHEN network_tx_before IS NOT NULL THEN network_tx END)::bigint AS network_tx,
       sum(CASE WHEN block_read >= block_read_before THEN block_read - block_read_before
                WHEN block_read_before IS NOT NULL THEN block_read END)::bigint AS block_read,
       sum(CASE WHEN block_write >= block_write_before THEN block_write - block_write_before
                WHEN block_write_before IS NOT NULL THEN block_write END)::bigint AS block_write,
       max(pids) AS pids_max
FROM samples
GROUP BY 1
ORDER BY 1

-- name: health_history
-- Oldest first.
SELECT time, host, status, engine_version, running, total, unhealthy, response_seconds, error
FROM host_health
WHERE host = %(host)s AND time >= %(start)s AND time < %(end)s
ORDER BY time
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
