-- Samples and their rollups. `:resolution` stands for the rollup's `1m`, `1h` or `1d`.
-- Rollups are read before `rolled_to`, samples from there on; either part may be empty. A figure
-- that is not a number counts as not known, since it would spoil every sum that it is in.

-- name: rolled_to
-- Where within the range rollups end.
SELECT LEAST(GREATEST((SELECT readable_to FROM rollup_progress WHERE name = %(family)s),
                      %(start)s), %(end)s) AS rolled_to

-- name: series
-- How many containers there are at most to be read, for totals.
SELECT count(*) AS series
FROM containers
LEFT JOIN hosts ON hosts.name = containers.host
WHERE (%(hosts)s::text[] IS NULL OR containers.host = ANY(%(hosts)s))
  AND (removed IS NULL OR removed >= %(start)s - interval '1 day')
  AND (created IS NULL OR created < %(end)s + interval '1 day')
  AND coalesce(hosts.labels, '{}') || containers.labels @> %(labels)s::jsonb
  AND coalesce(hosts.labels, '{}') || containers.labels ?& %(keys)s::text[]

-- name: latest_stats
-- The newest sample of the first of the containers that has one.
SELECT newest.*
FROM unnest(%(containers)s::text[]) WITH ORDINALITY AS wanted (id, place), LATERAL (
    SELECT *
    FROM container_stats
    WHERE host = %(host)s AND container_id = wanted.id
    ORDER BY time DESC
    LIMIT 1
) AS newest
ORDER BY wanted.place
LIMIT 1

-- name: stats_history
WITH parts AS (
    SELECT time, container_id, samples, cpu_samples,
           nullif(cpu_percent_avg, 'NaN') AS cpu_percent_avg,
           nullif(cpu_percent_min, 'NaN') AS cpu_percent_min,
           nullif(cpu_percent_max, 'NaN') AS cpu_percent_max,
           memory_used_avg, memory_used_min, memory_used_max, memory_limit_last, pids_max,
           cpu_increase, network_rx_increase, network_tx_increase,
           block_read_increase, block_write_increase
    FROM container_stats_:resolution
    WHERE host = %(host)s AND container_id = ANY(%(containers)s)
      AND time >= %(start)s AND time < %(rolled_to)s
    UNION ALL
    SELECT time, container_id, 1, CASE WHEN nullif(cpu_percent, 'NaN') IS NULL THEN 0 ELSE 1 END,
           nullif(cpu_percent, 'NaN'), nullif(cpu_percent, 'NaN'), nullif(cpu_percent, 'NaN'),
           memory_used, memory_used, memory_used, memory_limit, pids,
           cpu_increase, network_rx_increase, network_tx_increase,
           block_read_increase, block_write_increase
    FROM container_stats
    WHERE host = %(host)s AND container_id = ANY(%(containers)s)
      AND time >= %(rolled_to)s AND time < %(end)s
)
SELECT date_bin(%(width)s, time, %(start)s) AS time,
       container_id,
       sum(samples)::bigint AS samples,
       sum(cpu_percent_avg * cpu_samples)
           / nullif(sum(cpu_samples) FILTER (WHERE cpu_percent_avg IS NOT NULL), 0)::float8
           AS cpu_percent,
       min(cpu_percent_min) AS cpu_percent_min,
       max(cpu_percent_max) AS cpu_percent_max,
       sum(cpu_increase)::float8 / 1e9 AS cpu_seconds,
       sum(memory_used_avg * samples) / sum(samples)::float8 AS memory_used,
       min(memory_used_min) AS memory_used_min,
       max(memory_used_max) AS memory_used_max,
       max(memory_limit_last) AS memory_limit,
       sum(network_rx_increase)::bigint AS network_rx,
       sum(network_tx_increase)::bigint AS network_tx,
       sum(block_read_increase)::bigint AS block_read,
       sum(block_write_increase)::bigint AS block_write,
       max(pids_max) AS pids
FROM parts
GROUP BY 1, 2
ORDER BY 1, 2
LIMIT %(limit)s

-- name: host_stats_history
WITH parts AS (
    SELECT time, samples, cpu_samples, cpus_last,
           nullif(cpu_percent_avg, 'NaN') AS cpu_percent_avg,
           nullif(cpu_percent_min, 'NaN') AS cpu_percent_min,
           nullif(cpu_percent_max, 'NaN') AS cpu_percent_max,
           nullif(load_1_avg, 'NaN') AS load_1_avg, nullif(load_1_max, 'NaN') AS load_1_max,
           memory_total_last, memory_used_avg, memory_used_min, memory_used_max, swap_used_max,
           disk_total_last, disk_used_max, network_rx_increase, network_tx_increase
    FROM host_stats_:resolution
    WHERE host = %(host)s AND time >= %(start)s AND time < %(rolled_to)s
    UNION ALL
    SELECT time, 1, CASE WHEN nullif(cpu_percent, 'NaN') IS NULL THEN 0 ELSE 1 END, cpus,
           nullif(cpu_percent, 'NaN'), nullif(cpu_percent, 'NaN'), nullif(cpu_percent, 'NaN'),
           nullif(load_1, 'NaN'), nullif(load_1, 'NaN'),
           memory_total, memory_used, memory_used, memory_used, swap_used,
           disk_total, disk_used, network_rx_increase, network_tx_increase
    FROM host_stats
    WHERE host = %(host)s AND time >= %(rolled_to)s AND time < %(end)s
)
SELECT date_bin(%(width)s, time, %(start)s) AS time,
       sum(samples)::bigint AS samples,
       max(cpus_last) AS cpus,
       sum(cpu_percent_avg * cpu_samples)
           / nullif(sum(cpu_samples) FILTER (WHERE cpu_percent_avg IS NOT NULL), 0)::float8
           AS cpu_percent,
       min(cpu_percent_min) AS cpu_percent_min,
       max(cpu_percent_max) AS cpu_percent_max,
       sum(load_1_avg * samples)
           / sum(samples) FILTER (WHERE load_1_avg IS NOT NULL)::float8 AS load_1,
       max(load_1_max) AS load_1_max,
       max(memory_total_last) AS memory_total,
       sum(memory_used_avg * samples) / sum(samples)::float8 AS memory_used,
       min(memory_used_min) AS memory_used_min,
       max(memory_used_max) AS memory_used_max,
       max(swap_used_max) AS swap_used_max,
       max(disk_total_last) AS disk_total,
       max(disk_used_max) AS disk_used_max,
       sum(network_rx_increase)::bigint AS network_rx,
       sum(network_tx_increase)::bigint AS network_tx
FROM parts
GROUP BY 1
ORDER BY 1
LIMIT %(limit)s

-- name: hosts_stats
-- Each machine's use by steps, and the number of each step from `start`: one row for each host.
WITH parts AS (
    SELECT host, time, samples, cpu_samples, nullif(cpu_percent_avg, 'NaN') AS cpu_percent_avg,
           cpus_last, memory_used_avg, memory_total_last
    FROM host_stats_:resolution
    WHERE host = ANY(%(hosts)s) AND time >= %(start)s AND time < %(rolled_to)s
    UNION ALL
    SELECT host, time, 1, CASE WHEN nullif(cpu_percent, 'NaN') IS NULL THEN 0 ELSE 1 END,
           nullif(cpu_percent, 'NaN'), cpus, memory_used, memory_total
    FROM host_stats
    WHERE host = ANY(%(hosts)s) AND time >= %(rolled_to)s AND time < %(end)s
), steps AS (
    SELECT host,
           (extract(epoch FROM date_bin(%(width)s, time, %(start)s) - %(start)s)
               / extract(epoch FROM %(width)s::interval))::integer AS step,
           sum(cpu_percent_avg * cpu_samples)
               / nullif(sum(cpu_samples) FILTER (WHERE cpu_percent_avg IS NOT NULL), 0)::float8
               AS cpu_percent,
           sum(memory_used_avg * samples) / sum(samples)::float8 AS memory_used,
           max(cpus_last) AS cpus,
           max(memory_total_last) AS memory_total
    FROM parts
    GROUP BY 1, 2
)
SELECT host,
       array_agg(step ORDER BY step) AS steps,
       array_agg(cpu_percent ORDER BY step) AS cpu_percent,
       array_agg(memory_used ORDER BY step) AS memory_used,
       max(cpus) AS cpus,
       max(memory_total) AS memory_total
FROM steps
GROUP BY host
ORDER BY host
LIMIT %(limit)s
