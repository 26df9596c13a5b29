-- How hosts were: observations joined to spans.

-- name: health_spans
-- Spans of equal observations, oldest first, the newest where there are too many. An observation
-- holds until the next one; where that is longer than `silence` nobody watched: 'unknown'.
-- `up` with unhealthy containers is 'degraded'; a host that fleet was told to leave alone is
-- 'unknown' too. A cause of another kind, and another version of the Engine, begin another span.
WITH observed AS (
    SELECT time, engine_version, unhealthy, response_seconds, error, error_kind, attempts,
           CASE WHEN status = 'up' AND unhealthy > 0 THEN 'degraded'
                WHEN status = 'disabled' THEN 'unknown'
                ELSE status END AS observed,
           coalesce(lead(time) OVER (ORDER BY time), greatest(time, %(end)s)) AS next
    FROM host_health
    WHERE host = %(host)s AND time >= %(start)s - %(silence)s::interval AND time < %(end)s
),
held AS (
    SELECT *, CASE WHEN next - time > %(silence)s THEN 'unknown' ELSE observed END AS state
    FROM observed
    WHERE next > %(start)s
),
marked AS (
    SELECT *, (state, engine_version, error_kind) IS DISTINCT FROM
              (lag(state) OVER earlier, lag(engine_version) OVER earlier,
               lag(error_kind) OVER earlier) AS begins
    FROM held
    WINDOW earlier AS (ORDER BY time)
),
numbered AS (SELECT *, count(*) FILTER (WHERE begins) OVER (ORDER BY time) AS number FROM marked),
spans AS (
    SELECT greatest(min(time), %(start)s) AS start, max(next) AS end, min(state) AS state,
           min(engine_version) AS engine_version, min(error_kind) AS error_kind,
           min(error) FILTER (WHERE begins) AS error,
           max(attempts) AS attempts,
           coalesce(min(attempts) FILTER (WHERE begins), 0) AS attempts_before,
           count(response_seconds) AS responses,
           coalesce(sum(response_seconds), 0) AS response_sum
    FROM numbered
    GROUP BY number
    ORDER BY min(time) DESC
    LIMIT %(limit)s
)
SELECT * FROM spans ORDER BY start
