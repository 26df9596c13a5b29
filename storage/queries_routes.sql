-- How routes changed.

-- name: route_changes
-- Newest first. Of a host, or of any of several, are the changes that it caused, and those of pools
-- with members on it.
SELECT time, revision, kind, domain, path, status, before, after, summary,
       cause_event, cause_host, cause_container, cause_container_id
FROM route_changes
WHERE (%(domain)s::text IS NULL OR domain = %(domain)s)
  AND (%(host)s::text IS NULL OR cause_host = %(host)s
       OR EXISTS (SELECT FROM jsonb_array_elements_text(before || after) AS member
                  WHERE starts_with(member, %(host)s || '/')))
  AND (%(hosts)s::text[] IS NULL OR cause_host = ANY(%(hosts)s)
       OR EXISTS (SELECT FROM jsonb_array_elements_text(before || after) AS member
                  WHERE split_part(member, '/', 1) = ANY(%(hosts)s)))
  AND time >= %(since)s::timestamptz AND time < %(before)s::timestamptz
ORDER BY time DESC, revision DESC, domain DESC, path DESC
LIMIT %(limit)s
