-- What samples are rolled up into: minutes from samples, hours from minutes, days from hours.
-- `time` is the UTC start of the bucket. With TimescaleDB Community continuous aggregates of the
-- same names and columns take the place of these tables (see storage/community.py).

CREATE TABLE container_stats_1m (
    time                 timestamptz NOT NULL,
    host                 text NOT NULL,
    container_id         text NOT NULL,
    name                 text NOT NULL,
    identity             text NOT NULL,
    samples              bigint NOT NULL,
    cpu_samples          bigint NOT NULL,
    cpu_percent_avg      double precision,
    cpu_percent_min      double precision,
    cpu_percent_max      double precision,
    cpu_percent_last     double precision,
    memory_used_avg      double precision NOT NULL,
    memory_used_min      bigint NOT NULL,
    memory_used_max      bigint NOT NULL,
    memory_used_last     bigint NOT NULL,
    memory_limit_last    bigint NOT NULL,
    pids_max             bigint,
    pids_last            bigint,
    cpu_increase         bigint,
    network_rx_increase  bigint,
    network_tx_increase  bigint,
    block_read_increase  bigint,
    block_write_increase bigint,
    PRIMARY KEY (host, container_id, time)
);
CREATE INDEX container_stats_1m_time ON container_stats_1m USING brin (time) WITH (autosummarize);

CREATE TABLE host_stats_1m (
    time                timestamptz NOT NULL,
    host                text NOT NULL,
    samples             bigint NOT NULL,
    cpu_samples         bigint NOT NULL,
    cpus_last           integer NOT NULL,
    cpu_percent_avg     double precision,
    cpu_percent_min     double precision,
    cpu_percent_max     double precision,
    cpu_percent_last    double precision,
    load_1_avg          double precision,
    load_1_max          double precision,
    memory_total_last   bigint NOT NULL,
    memory_used_avg     double precision NOT NULL,
    memory_used_min     bigint NOT NULL,
    memory_used_max     bigint NOT NULL,
    memory_used_last    bigint NOT NULL,
    swap_used_max       bigint,
    swap_used_last      bigint,
    disk_total_last     bigint,
    disk_used_max       bigint,
    disk_used_last      bigint,
    network_rx_increase bigint,
    network_tx_increase bigint,
    PRIMARY KEY (host, time)
);
CREATE INDEX host_stats_1m_time ON host_stats_1m USING brin (time) WITH (autosummarize);

CREATE TABLE container_stats_1h (LIKE container_stats_1m INCLUDING ALL);
CREATE TABLE container_stats_1d (LIKE container_stats_1m INCLUDING ALL);
CREATE TABLE host_stats_1h (LIKE host_stats_1m INCLUDING ALL);
CREATE TABLE host_stats_1d (LIKE host_stats_1m INCLUDING ALL);

-- Rollups read what is new every minute: without this, what came since the last vacuum is scanned.
ALTER INDEX container_stats_time SET (autosummarize);
CREATE INDEX host_stats_time ON host_stats USING brin (time) WITH (autosummarize);

-- Samples before `up_to` are rolled up, or about to be; one that is written later enters its hour
-- into `rollup_late`. Rollups are complete for times before `readable_to`.
CREATE TABLE rollup_progress (
    name        text PRIMARY KEY,
    up_to       timestamptz NOT NULL DEFAULT '-infinity',
    readable_to timestamptz NOT NULL DEFAULT '-infinity'
);
INSERT INTO rollup_progress (name) VALUES ('container_stats'), ('host_stats');

-- Without a key: a writer never waits for the upkeep here, and an hour may be in it many times.
CREATE TABLE rollup_late (
    name text NOT NULL,
    host text NOT NULL,
    hour timestamptz NOT NULL
);
CREATE INDEX rollup_late_hour ON rollup_late (name, hour);
