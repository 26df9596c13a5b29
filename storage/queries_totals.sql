-- Many containers together, over a range; see `queries_stats.sql`. A container has the labels of
-- its host too. Where not `all` (of the hosts) are meant they are looked up first: a few are then
-- read by the key.

-- name: total_history
-- Each container's average is taken for every step of the resolution, the sum over containers of
-- these then averaged over the steps of a point. The step in which rollups end may be in both
-- parts: only there the parts of a container are put together first.
-- Where `weighted` (steps are long) an average counts by the share of the step that it is of. If the
-- container came or went within the step, that is how long it was there; else its samples beside the
-- most that any such container of its host had: a host is not always watched, nor as often as others.
WITH meant AS MATERIALIZED (
    SELECT containers.host, containers.id
    FROM containers
    LEFT JOIN hosts ON hosts.name = containers.host
    WHERE (%(hosts)s::text[] IS NULL OR containers.host = ANY(%(hosts)s))
      AND (removed IS NULL OR removed >= %(start)s - interval '1 day')
      AND coalesce(hosts.labels, '{}') || containers.labels @> %(labels)s::jsonb
      AND coalesce(hosts.labels, '{}') || containers.labels ?& %(keys)s::text[]
),
seam AS (
    SELECT time, host, container_id, samples, cpu_samples,
           nullif(cpu_percent_avg, 'NaN') AS cpu_percent_avg, memory_used_avg, pids_max,
           cpu_increase, network_rx_increase, network_tx_increase,
           block_read_increase, block_write_increase
    FROM container_stats_:resolution
    WHERE time >= %(seam)s AND time < %(rolled_to)s
      AND (%(hosts)s::text[] IS NULL OR host = ANY(%(hosts)s))
      AND (%(all)s OR (host, container_id) IN (SELECT host, id FROM meant))
    UNION ALL
    SELECT date_bin(%(step)s, time, '1970-01-01Z'), host, container_id,
           1, CASE WHEN nullif(cpu_percent, 'NaN') IS NULL THEN 0 ELSE 1 END,
           nullif(cpu_percent, 'NaN'), memory_used, pids,
           cpu_increase, network_rx_increase, network_tx_increase,
           block_read_increase, block_write_increase
    FROM container_stats
    WHERE time >= %(rolled_to)s AND time < %(end)s
      AND (%(hosts)s::text[] IS NULL OR host = ANY(%(hosts)s))
      AND (%(all)s OR (host, container_id) IN (SELECT host, id FROM meant))
),
parts AS (
    SELECT time, host, container_id, samples, nullif(cpu_percent_avg, 'NaN') AS cpu_percent,
           memory_used_avg, pids_max, cpu_increase, network_rx_increase, network_tx_increase,
           block_read_increase, block_write_increase
    FROM container_stats_:resolution
    WHERE time >= %(start)s AND time < %(seam)s
      AND (%(hosts)s::text[] IS NULL OR host = ANY(%(hosts)s))
      AND (%(all)s OR (host, container_id) IN (SELECT host, id FROM meant))
    UNION ALL
    SELECT time, host, container_id, sum(samples)::bigint,
           sum(cpu_percent_avg * cpu_samples)
               / nullif(sum(cpu_samples) FILTER (WHERE cpu_percent_avg IS NOT NULL), 0)::float8,
           sum(memory_used_avg * samples) / sum(samples)::float8,
           max(pids_max), sum(cpu_increase)::bigint,
           sum(network_rx_increase)::bigint, sum(network_tx_increase)::bigint,
           sum(block_read_increase)::bigint, sum(block_write_increase)::bigint
    FROM seam
    GROUP BY time, host, container_id
),
lives AS MATERIALIZED (
    SELECT host, id, created,
           CASE WHEN state IN ('exited', 'dead', 'removed') AND finished >= started
                THEN LEAST(finished, removed) ELSE removed END AS gone
    FROM containers
    WHERE %(weighted)s AND (%(hosts)s::text[] IS NULL OR host = ANY(%(hosts)s))
      AND (created > %(start)s OR removed < %(end)s OR finished < %(end)s)
),
shares AS (
    SELECT parts.*, lives.id IS NULL AS whole,
           CASE WHEN lives.id IS NOT NULL
                THEN GREATEST(0, extract(epoch FROM
                         LEAST(gone, time + %(step)s, %(end)s) - GREATEST(created, time)))::float8
                     / extract(epoch FROM LEAST(time + %(step)s, %(end)s) - time)::float8
                WHEN %(weighted)s THEN samples
                ELSE 1 END AS weight
    FROM parts
    LEFT JOIN lives ON lives.host = parts.host AND lives.id = parts.container_id
        AND (created > time OR gone < LEAST(time + %(step)s, %(end)s))
),
by_host AS (
    SELECT time, count(*) AS containers, sum(samples) AS samples,
           CASE WHEN whole THEN max(weight) ELSE 1 END AS most,
           sum(cpu_percent * weight) AS cpu_percent, sum(memory_used_avg * weight) AS memory_used,
           sum(pids_max * weight) AS pids, sum(cpu_increase) AS cpu_increase,
           sum(network_rx_increase) AS network_rx, sum(network_tx_increase) AS network_tx,
           sum(block_read_increase) AS block_read, sum(block_write_increase) AS block_write
    FROM shares
    GROUP BY time, host, whole
),
steps AS (
    SELECT time, sum(containers) AS containers, sum(samples) AS samples,
           sum(cpu_percent / most) AS cpu_percent, sum(memory_used / most) AS memory_used,
           sum(pids / most) AS pids, sum(cpu_increase) AS cpu_increase,
           sum(network_rx) AS network_rx, sum(network_tx) AS network_tx,
           sum(block_read) AS block_read, sum(block_write) AS block_write
    FROM by_host
    GROUP BY time
)
SELECT date_bin(%(width)s, time, %(start)s) AS time,
       max(containers)::bigint AS containers,
       sum(samples)::bigint AS samples,
       avg(cpu_percent) AS cpu_percent,
       max(cpu_percent) AS cpu_percent_max,
       sum(cpu_increase)::float8 / 1e9 AS cpu_seconds,
       avg(memory_used) AS memory_used,
       max(memory_used) AS memory_used_max,
       sum(network_rx)::bigint AS network_rx,
       sum(network_tx)::bigint AS network_tx,
       sum(block_read)::bigint AS block_read,
       sum(block_write)::bigint AS block_write,
       max(pids)::bigint AS pids
FROM steps
GROUP BY 1
ORDER BY 1
LIMIT %(limit)s

-- name: top_consumers
WITH meant AS MATERIALIZED (
    SELECT containers.host, containers.id
    FROM containers
    LEFT JOIN hosts ON hosts.name = containers.host
    WHERE (%(hosts)s::text[] IS NULL OR containers.host = ANY(%(hosts)s))
      AND (removed IS NULL OR removed >= %(start)s - interval '1 day')
      AND coalesce(hosts.labels, '{}') || containers.labels @> %(labels)s::jsonb
      AND coalesce(hosts.labels, '{}') || containers.labels ?& %(keys)s::text[]
),
parts AS (
    SELECT host, container_id, name, identity, samples, cpu_samples,
           nullif(cpu_percent_avg, 'NaN') AS cpu_percent_avg,
           nullif(cpu_percent_max, 'NaN') AS cpu_percent_max,
           memory_used_avg, memory_used_max, memory_limit_last,
           cpu_increase, network_rx_increase, network_tx_increase,
           block_read_increase, block_write_increase
    FROM container_stats_:resolution
    WHERE time >= %(start)s AND time < %(rolled_to)s
      AND (%(hosts)s::text[] IS NULL OR host = ANY(%(hosts)s))
      AND (%(all)s OR (host, container_id) IN (SELECT host, id FROM meant))
    UNION ALL
    SELECT host, container_id, name, identity,
           1, CASE WHEN nullif(cpu_percent, 'NaN') IS NULL THEN 0 ELSE 1 END,
           nullif(cpu_percent, 'NaN'), nullif(cpu_percent, 'NaN'),
           memory_used, memory_used, memory_limit,
           cpu_increase, network_rx_increase, network_tx_increase,
           block_read_increase, block_write_increase
    FROM container_stats
    WHERE time >= %(rolled_to)s AND time < %(end)s
      AND (%(hosts)s::text[] IS NULL OR host = ANY(%(hosts)s))
      AND (%(all)s OR (host, container_id) IN (SELECT host, id FROM meant))
),
used AS (
    SELECT host, container_id AS id, max(name) AS name, max(identity) AS identity,
           sum(samples)::bigint AS samples,
           sum(cpu_percent_avg * cpu_samples)
               / nullif(sum(cpu_samples) FILTER (WHERE cpu_percent_avg IS NOT NULL), 0)::float8
               AS cpu_percent,
           max(cpu_percent_max) AS cpu_percent_max,
           sum(cpu_increase)::float8 / 1e9 AS cpu_seconds,
           sum(memory_used_avg * samples) / sum(samples)::float8 AS memory_used,
           max(memory_used_max) AS memory_used_max,
           max(memory_limit_last) AS memory_limit,
           sum(network_rx_increase)::bigint AS network_rx,
           sum(network_tx_increase)::bigint AS network_tx,
           sum(block_read_increase)::bigint AS block_read,
           sum(block_write_increase)::bigint AS block_write
    FROM parts
    GROUP BY host, container_id
)
SELECT *
FROM used
ORDER BY CASE %(sort)s
             WHEN 'cpu' THEN cpu_percent
             WHEN 'memory' THEN memory_used
             WHEN 'network' THEN coalesce(network_rx, 0)::float8
                                 + coalesce(network_tx, 0)
             ELSE coalesce(block_read, 0)::float8 + coalesce(block_write, 0)
         END DESC NULLS LAST, host, name, id
LIMIT %(limit)s
