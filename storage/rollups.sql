-- Rollups, the same in every edition. `last_known(x)` is the newest x that is not NULL.
-- {bucket} is the start of the bucket that `time` lies in; {where} is empty in a view's definition.
-- A figure that is not a number counts as not known, since it would spoil every sum that it is in.

-- name: container_stats_from_samples
SELECT {bucket} AS time,
       host,
       container_id,
       last_known(name) AS name,
       last_known(identity) AS identity,
       count(*) AS samples,
       count(nullif(cpu_percent, 'NaN')) AS cpu_samples,
       avg(nullif(cpu_percent, 'NaN')) AS cpu_percent_avg,
       min(nullif(cpu_percent, 'NaN')) AS cpu_percent_min,
       max(nullif(cpu_percent, 'NaN')) AS cpu_percent_max,
       last_known(cpu_percent) AS cpu_percent_last,
       avg(memory_used::float8) AS memory_used_avg,
       min(memory_used) AS memory_used_min,
       max(memory_used) AS memory_used_max,
       last_known(memory_used) AS memory_used_last,
       last_known(memory_limit) AS memory_limit_last,
       max(pids) AS pids_max,
       last_known(pids) AS pids_last,
       sum(cpu_increase)::bigint AS cpu_increase,
       sum(network_rx_increase)::bigint AS network_rx_increase,
       sum(network_tx_increase)::bigint AS network_tx_increase,
       sum(block_read_increase)::bigint AS block_read_increase,
       sum(block_write_increase)::bigint AS block_write_increase
FROM {source}
{where}
GROUP BY 1, 2, 3

-- name: container_stats_from_rollups
SELECT {bucket} AS time,
       host,
       container_id,
       last_known(name) AS name,
       last_known(identity) AS identity,
       sum(samples)::bigint AS samples,
       sum(cpu_samples)::bigint AS cpu_samples,
       sum(cpu_percent_avg * cpu_samples) / nullif(sum(cpu_samples), 0)::float8 AS cpu_percent_avg,
       min(cpu_percent_min) AS cpu_percent_min,
       max(cpu_percent_max) AS cpu_percent_max,
       last_known(cpu_percent_last) AS cpu_percent_last,
       sum(memory_used_avg * samples) / sum(samples)::float8 AS memory_used_avg,
       min(memory_used_min) AS memory_used_min,
       max(memory_used_max) AS memory_used_max,
       last_known(memory_used_last) AS memory_used_last,
       last_known(memory_limit_last) AS memory_limit_last,
       max(pids_max) AS pids_max,
       last_known(pids_last) AS pids_last,
       sum(cpu_increase)::bigint AS cpu_increase,
       sum(network_rx_increase)::bigint AS network_rx_increase,
       sum(network_tx_increase)::bigint AS network_tx_increase,
       sum(block_read_increase)::bigint AS block_read_increase,
       sum(block_write_increase)::bigint AS block_write_increase
FROM {source}
{where}
GROUP BY 1, 2, 3

-- name: host_stats_from_samples
SELECT {bucket} AS time,
       host,
       count(*) AS samples,
       count(nullif(cpu_percent, 'NaN')) AS cpu_samples,
       last_known(cpus) AS cpus_last,
       avg(nullif(cpu_percent, 'NaN')) AS cpu_percent_avg,
       min(nullif(cpu_percent, 'NaN')) AS cpu_percent_min,
       max(nullif(cpu_percent, 'NaN')) AS cpu_percent_max,
       last_known(cpu_percent) AS cpu_percent_last,
       avg(nullif(load_1, 'NaN')) AS load_1_avg,
       max(nullif(load_1, 'NaN')) AS load_1_max,
       last_known(memory_total) AS memory_total_last,
       avg(memory_used::float8) AS memory_used_avg,
       min(memory_used) AS memory_used_min,
       max(memory_used) AS memory_used_max,
       last_known(memory_used) AS memory_used_last,
       max(swap_used) AS swap_used_max,
       last_known(swap_used) AS swap_used_last,
       last_known(disk_total) AS disk_total_last,
       max(disk_used) AS disk_used_max,
       last_known(disk_used) AS disk_used_last,
       sum(network_rx_increase)::bigint AS network_rx_increase,
       sum(network_tx_increase)::bigint AS network_tx_increase
FROM {source}
{where}
GROUP BY 1, 2

-- name: host_stats_from_rollups
-- How many samples knew the load is not kept: in a bucket whose source changed it is weighted by all.
SELECT {bucket} AS time,
       host,
       sum(samples)::bigint AS samples,
       sum(cpu_samples)::bigint AS cpu_samples,
       last_known(cpus_last) AS cpus_last,
       sum(cpu_percent_avg * cpu_samples) / nullif(sum(cpu_samples), 0)::float8 AS cpu_percent_avg,
       min(cpu_percent_min) AS cpu_percent_min,
       max(cpu_percent_max) AS cpu_percent_max,
       last_known(cpu_percent_last) AS cpu_percent_last,
       sum(load_1_avg * samples)
           / (sum(samples) FILTER (WHERE load_1_avg IS NOT NULL))::float8 AS load_1_avg,
       max(load_1_max) AS load_1_max,
       last_known(memory_total_last) AS memory_total_last,
       sum(memory_used_avg * samples) / sum(samples)::float8 AS memory_used_avg,
       min(memory_used_min) AS memory_used_min,
       max(memory_used_max) AS memory_used_max,
       last_known(memory_used_last) AS memory_used_last,
       max(swap_used_max) AS swap_used_max,
       last_known(swap_used_last) AS swap_used_last,
       last_known(disk_total_last) AS disk_total_last,
       max(disk_used_max) AS disk_used_max,
       last_known(disk_used_last) AS disk_used_last,
       sum(network_rx_increase)::bigint AS network_rx_increase,
       sum(network_tx_increase)::bigint AS network_tx_increase
FROM {source}
{where}
GROUP BY 1, 2

-- name: span
WHERE time >= %(start)s AND time < %(end)s

-- name: span_of_hosts
WHERE time >= %(start)s AND time < %(end)s AND host = ANY(%(hosts)s)

-- name: begin
-- The first day that has samples, of the last %(days)s days.
UPDATE rollup_progress
SET up_to = day, readable_to = day
FROM (
    SELECT min(days.day) AS day
    FROM generate_series(date_trunc('day', now()) - %(days)s * interval '1 day', now(),
                         interval '1 day') AS days (day)
    WHERE EXISTS (
        SELECT FROM {source} WHERE time >= days.day AND time < days.day + interval '1 day'
    )
) AS first
WHERE name = %(name)s AND day IS NOT NULL

-- name: lock_progress
-- Waits for the writers that have read the watermark, and keeps others from reading it.
SELECT up_to = '-infinity' FROM rollup_progress WHERE name = %(name)s FOR UPDATE

-- name: advance
UPDATE rollup_progress
SET up_to = date_trunc('minute', now() - %(lag)s)
WHERE name = %(name)s AND up_to > '-infinity' AND up_to < date_trunc('minute', now() - %(lag)s)

-- name: pending
-- To the end of the hour at most.
SELECT readable_to, least(up_to, date_trunc('hour', readable_to) + interval '1 hour')
FROM rollup_progress
WHERE name = %(name)s AND readable_to < up_to

-- name: finish
UPDATE rollup_progress SET readable_to = %(end)s WHERE name = %(name)s

-- name: late
-- Of the oldest hour.
DELETE FROM rollup_late
USING rollup_progress AS progress
WHERE rollup_late.name = %(name)s AND progress.name = %(name)s AND hour = (
    SELECT min(hour) FROM rollup_late AS oldest WHERE oldest.name = %(name)s
) AND hour < progress.readable_to
RETURNING hour, least(progress.readable_to, hour + interval '1 hour'), host

-- name: note_late
-- The lock lasts until the writer commits: the watermark cannot move over what is being written.
WITH progress AS MATERIALIZED (
    SELECT name, up_to FROM rollup_progress WHERE name = ANY(%(names)s::text[]) FOR SHARE
)
INSERT INTO rollup_late (name, host, hour)
SELECT name, host, hour
FROM unnest(%(names)s::text[], %(hosts)s::text[], %(hours)s::timestamptz[],
            %(oldest)s::timestamptz[]) AS written (name, host, hour, oldest)
JOIN progress USING (name)
WHERE oldest < up_to
