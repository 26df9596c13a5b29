-- Samples that can be summed up, hosts' machines, logs, images, and what samples are rolled up into.

-- What each counter grew by since the sample before: a rollup is then a plain sum, also across
-- restarts, which `started` tells apart.
ALTER TABLE container_stats
    ADD COLUMN started              timestamptz,
    ADD COLUMN cpu_increase         bigint,
    ADD COLUMN network_rx_increase  bigint,
    ADD COLUMN network_tx_increase  bigint,
    ADD COLUMN block_read_increase  bigint,
    ADD COLUMN block_write_increase bigint;

CREATE TABLE host_stats (
    time                timestamptz NOT NULL,
    host                text NOT NULL,
    source              text NOT NULL,
    cpus                integer NOT NULL,
    cpu_percent         double precision,
    load_1              double precision,
    load_5              double precision,
    load_15             double precision,
    memory_total        bigint NOT NULL,
    memory_used         bigint NOT NULL,
    swap_total          bigint,
    swap_used           bigint,
    disk_total          bigint,
    disk_used           bigint,
    network_rx          bigint,
    network_tx          bigint,
    network_rx_increase bigint,
    network_tx_increase bigint,
    PRIMARY KEY (host, time)
);

CREATE TABLE container_logs (
    time         timestamptz NOT NULL,
    time_nano    bigint NOT NULL,
    host         text NOT NULL,
    container_id text NOT NULL,
    name         text NOT NULL,
    identity     text NOT NULL,
    stream       text NOT NULL,
    sequence     integer NOT NULL,
    level        text,
    line         text NOT NULL,
    truncated    boolean NOT NULL,
    PRIMARY KEY (host, container_id, time, time_nano, stream, sequence)
);
CREATE INDEX container_logs_time ON container_logs USING brin (time);

CREATE TABLE docker_images (
    host             text NOT NULL,
    id               text NOT NULL,
    tags             jsonb NOT NULL,
    digests          jsonb NOT NULL,
    size             bigint NOT NULL,
    architecture     text,
    operating_system text,
    created          timestamptz,
    first_seen       timestamptz NOT NULL,
    seen             timestamptz NOT NULL,
    removed          timestamptz,
    PRIMARY KEY (host, id)
);

CREATE TABLE image_versions (
    time      timestamptz NOT NULL,
    host      text NOT NULL,
    reference text NOT NULL,
    image_id  text NOT NULL,
    digest    text,
    size      bigint NOT NULL,
    created   timestamptz,
    PRIMARY KEY (host, reference, time)
);
