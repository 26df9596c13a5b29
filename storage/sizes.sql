-- What there is and how large it is, from the catalogs: nothing here reads history itself.

-- name: relations
-- Each table with its parts, and the size of each in bytes. A part's share of rows is estimated
-- from what was analysed last; `rows` is NULL where nothing was.
WITH RECURSIVE parts AS (
    SELECT name, to_regclass(relation)::oid AS relation, 0 AS depth
    FROM unnest(%(names)s::text[], %(relations)s::text[]) AS wanted (name, relation)
    WHERE to_regclass(relation) IS NOT NULL
    UNION ALL
    SELECT parts.name, inhrelid, depth + 1
    FROM parts
    JOIN pg_inherits ON inhparent = parts.relation
)
SELECT parts.name, parts.relation::regclass::text, depth, relkind::text,
       CASE WHEN relkind = 'p' THEN 0 ELSE pg_table_size(parts.relation) END AS bytes,
       CASE WHEN relkind = 'p' THEN 0 ELSE pg_indexes_size(parts.relation) END AS index_bytes,
       CASE WHEN relkind = 'p' OR pg_relation_size(parts.relation) = 0 THEN 0
            WHEN reltuples < 0 OR relpages = 0 THEN NULL
            ELSE reltuples / relpages * (pg_relation_size(parts.relation)
                                         / current_setting('block_size')::int) END AS rows
FROM parts
JOIN pg_class ON pg_class.oid = parts.relation
ORDER BY parts.name, parts.relation

-- name: chunks
-- The chunks of a hypertable, oldest first.
SELECT format('%%I.%%I', chunk_schema, chunk_name)
FROM timescaledb_information.chunks
WHERE format('%%I.%%I', hypertable_schema, hypertable_name)::regclass = %(relation)s::regclass
ORDER BY range_start

-- name: aggregates
-- Where TimescaleDB keeps what it has materialized of the rollups.
SELECT view_name,
       format('%%I.%%I', materialization_hypertable_schema, materialization_hypertable_name)
FROM timescaledb_information.continuous_aggregates
WHERE view_schema = current_schema()

-- name: compressed
-- Bytes of compressed chunks, and the rows in them.
SELECT total.compressed, total.rows
FROM (
    SELECT sum(compressed_heap_size + compressed_toast_size + compressed_index_size)::bigint
               AS compressed,
           sum(numrows_pre_compression)::bigint AS rows
    FROM _timescaledb_catalog.compression_chunk_size
    JOIN _timescaledb_catalog.chunk ON chunk.id = chunk_id
    JOIN _timescaledb_catalog.hypertable ON hypertable.id = chunk.hypertable_id
    WHERE format('%%I.%%I', hypertable.schema_name, hypertable.table_name)::regclass
          = %(relation)s::regclass
) AS total

-- name: progress
-- How far samples are rolled up, and the hours that late ones came for.
SELECT name, readable_to = 'infinity' AS by_itself,
       CASE WHEN isfinite(readable_to) THEN readable_to END AS readable_to,
       (SELECT count(DISTINCT (host, hour)) FROM rollup_late WHERE rollup_late.name = progress.name)
FROM rollup_progress AS progress
ORDER BY name
