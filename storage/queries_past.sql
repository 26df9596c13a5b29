-- Containers and images of the past.

-- name: recorded_containers
-- All containers that a reference could mean, with how well it fits (0 is best), and those that
-- share their identity where it is not an id. Newest first.
WITH found AS (
    SELECT host, id, identity,
           CASE WHEN id = %(ref)s THEN 0 WHEN identity = %(ref)s THEN 1
                WHEN name = %(ref)s THEN 2 ELSE 3 END AS rank
    FROM containers
    WHERE (%(host)s::text IS NULL OR host = %(host)s)
      AND (%(hosts)s::text[] IS NULL OR host = ANY(%(hosts)s))
      AND (id = %(ref)s OR identity = %(ref)s OR name = %(ref)s
           OR length(%(ref)s) >= 4 AND starts_with(id, %(ref)s))
),
best AS (SELECT * FROM found WHERE rank = (SELECT min(rank) FROM found))
SELECT min(best.rank) AS rank, containers.host, containers.id, containers.name,
       containers.identity, containers.image, containers.image_id, containers.state,
       containers.created, containers.seen, containers.removed
FROM best
JOIN containers ON containers.host = best.host
    AND (containers.id = best.id
         OR best.rank IN (1, 2) AND containers.identity = best.identity)
GROUP BY containers.host, containers.id
ORDER BY containers.removed DESC NULLS FIRST, containers.created DESC NULLS LAST,
         containers.seen DESC, containers.host, containers.id
LIMIT %(limit)s

-- name: container_events
-- The newest of a range, newest first.
SELECT host, time, time_nano, type, action, actor_id, name, exit_code, attributes
FROM container_events
WHERE host = %(host)s AND actor_id = ANY(%(containers)s) AND type = 'container'
  AND time >= %(start)s AND time < %(end)s
ORDER BY time DESC, time_nano DESC
LIMIT %(limit)s

-- name: life_events
-- What tells when a container ran and how it was: of the range, and before it the last start or
-- end and the last word of the health check. Newest first.
SELECT host, time, time_nano, type, action, actor_id, name, exit_code, attributes
FROM container_events
WHERE host = %(host)s AND actor_id = ANY(%(containers)s) AND type = 'container'
  AND time >= %(start)s AND time < %(end)s
  AND (action IN ('start', 'die', 'kill', 'oom') OR starts_with(action, 'health_status'))
UNION ALL
SELECT earlier.*
FROM unnest(%(containers)s::text[]) AS wanted (id),
     (VALUES (false), (true)) AS kinds (health),
LATERAL (
    SELECT host, time, time_nano, type, action, actor_id, name, exit_code, attributes
    FROM container_events
    WHERE host = %(host)s AND actor_id = wanted.id AND type = 'container'
      AND time < %(start)s AND time >= %(start)s - %(reach)s
      AND CASE WHEN kinds.health THEN starts_with(action, 'health_status')
               ELSE action IN ('start', 'die') END
    ORDER BY time DESC, time_nano DESC
    LIMIT 1
) AS earlier
ORDER BY time DESC, time_nano DESC
LIMIT %(limit)s

-- name: lives
-- The containers as they were last seen.
SELECT host, id, name, identity, image, image_id, state, health, labels, created, started,
       finished, exit_code, restart_count, seen, removed
FROM containers
WHERE host = %(host)s AND id = ANY(%(containers)s)

-- name: unwatched
-- When a host was not watched: it was not up, or nothing was written about it for too long.
WITH seen AS (
    SELECT time, status, coalesce(lead(time) OVER (ORDER BY time), %(end)s) AS next
    FROM host_health
    WHERE host = %(host)s AND time >= %(start)s - %(silence)s::interval AND time < %(end)s
),
marked AS (
    SELECT time, next, status <> 'up' OR next - time > %(silence)s AS away,
           count(*) FILTER (WHERE status = 'up' AND next - time <= %(silence)s)
               OVER (ORDER BY time) AS stretch
    FROM seen
)
SELECT min(time) AS start, max(next) AS end FROM marked WHERE away GROUP BY stretch
UNION ALL
SELECT %(start)s, coalesce(min(time), %(end)s) FROM seen
HAVING coalesce(min(time), %(end)s) > %(start)s
ORDER BY 1
LIMIT %(limit)s

-- name: image_versions
-- What references meant, newest first: those called so, or that meant an image of this id.
WITH ordered AS (
    SELECT host, reference, image_id, digest, size, created, time AS since,
           lead(time) OVER (PARTITION BY host, reference ORDER BY time) AS until
    FROM image_versions
    WHERE (%(host)s::text IS NULL OR host = %(host)s)
      AND (%(hosts)s::text[] IS NULL OR host = ANY(%(hosts)s))
      AND (reference = %(ref)s OR (host, reference) IN (
              SELECT host, reference FROM image_versions WHERE starts_with(image_id, %(id)s::text)))
)
SELECT *
FROM ordered
WHERE reference = %(ref)s OR starts_with(image_id, %(id)s::text)
ORDER BY since DESC, host, reference
LIMIT %(limit)s

-- name: image_uses
-- Containers that were made of an image, newest first.
SELECT host, id AS container_id, name, identity, image, image_id, created AS first,
       removed AS last
FROM containers
WHERE (%(host)s::text IS NULL OR host = %(host)s)
  AND (%(hosts)s::text[] IS NULL OR host = ANY(%(hosts)s))
  AND (image_id = ANY(%(ids)s) OR starts_with(image_id, %(id)s::text) OR image = %(ref)s)
ORDER BY created DESC NULLS LAST, host, name, id
LIMIT %(limit)s
