-- Lines of containers' logs. `:order` stands for DESC or ASC, `:beyond` for < or >: the direction.

-- name: logs
-- Each container's lines are read by the key, as many as are wanted, and then merged: only of
-- those that were there, give or take a day for clocks that differ.
WITH meant AS (
    SELECT host, id
    FROM containers
    WHERE (%(hosts)s::text[] IS NULL OR host = ANY(%(hosts)s))
      AND (removed IS NULL OR removed >= %(start)s - interval '1 day')
      AND (created IS NULL OR created < %(end)s + interval '1 day')
      AND (%(refs)s::text[] IS NULL
           OR id = ANY(%(refs)s) OR name = ANY(%(refs)s) OR identity = ANY(%(refs)s)
           OR host || '/' || name = ANY(%(refs)s)
           OR EXISTS (SELECT FROM unnest(%(refs)s::text[]) AS ref
                      WHERE length(ref) >= 4 AND starts_with(id, ref)))
      AND labels @> %(labels)s::jsonb AND labels ?& %(keys)s::text[]
)
SELECT lines.*
FROM meant, LATERAL (
    SELECT time, time_nano, host, container_id, name, identity, stream, sequence, level, line,
           truncated
    FROM container_logs
    WHERE host = meant.host AND container_id = meant.id
      AND time >= %(start)s AND time < %(end)s
      AND (%(cursor_time)s::timestamptz IS NULL
           OR (time, time_nano, host, container_id, stream, sequence) :beyond
              (%(cursor_time)s, %(cursor_nano)s::bigint, %(cursor_host)s::text,
               %(cursor_container)s::text, %(cursor_stream)s::text, %(cursor_sequence)s::integer))
      AND (%(levels)s::text[] IS NULL OR level = ANY(%(levels)s))
      AND (%(streams)s::text[] IS NULL OR stream = ANY(%(streams)s))
      AND (%(text)s::text IS NULL OR strpos(lower(line), lower(%(text)s)) > 0)
      AND (%(regex)s::text IS NULL OR line ~ %(regex)s)
    ORDER BY time :order, time_nano :order, stream :order, sequence :order
    LIMIT %(limit)s
) AS lines
ORDER BY time :order, time_nano :order, host :order, container_id :order, stream :order,
         sequence :order
LIMIT %(limit)s
