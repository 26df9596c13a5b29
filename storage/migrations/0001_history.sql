-- Current state (hosts, containers) and history (the others, by time).
-- No table refers to another: history stays when its host goes, and can be cut by time. Every
-- unique index of a history table holds its time column, so that it can be partitioned.

CREATE TABLE hosts (
    name             text PRIMARY KEY,
    connection       text NOT NULL,
    target           text NOT NULL,
    labels           jsonb NOT NULL,
    seen             timestamptz NOT NULL,
    engine_version   text,
    api_version      text,
    operating_system text,
    architecture     text,
    cpus             integer,
    memory           bigint
);

CREATE TABLE containers (
    host          text NOT NULL,
    id            text NOT NULL,
    name          text NOT NULL,
    identity      text NOT NULL,
    image         text NOT NULL,
    image_id      text NOT NULL,
    state         text NOT NULL,
    health        text NOT NULL,
    labels        jsonb NOT NULL,
    created       timestamptz,
    started       timestamptz,
    finished      timestamptz,
    exit_code     bigint,
    restart_count bigint NOT NULL,
    seen          timestamptz NOT NULL,
    removed       timestamptz,
    PRIMARY KEY (host, id)
);
CREATE INDEX containers_identity ON containers (host, identity, created);

CREATE TABLE container_events (
    host       text NOT NULL,
    time       timestamptz NOT NULL,
    time_nano  bigint NOT NULL,
    type       text NOT NULL,
    action     text NOT NULL,
    actor_id   text NOT NULL,
    name       text,
    exit_code  bigint,
    attributes jsonb NOT NULL,
    PRIMARY KEY (host, time, time_nano, type, action, actor_id)
);
CREATE INDEX container_events_time ON container_events (time, time_nano);
CREATE INDEX container_events_actor ON container_events (host, actor_id, time);

CREATE TABLE host_health (
    time             timestamptz NOT NULL,
    host             text NOT NULL,
    status           text NOT NULL,
    engine_version   text,
    running          integer NOT NULL,
    total            integer NOT NULL,
    unhealthy        integer NOT NULL,
    response_seconds double precision,
    error            text,
    PRIMARY KEY (host, time)
);
CREATE INDEX host_health_time ON host_health USING brin (time);

-- Read by host and container, newest first: the primary key, backwards.
CREATE TABLE container_stats (
    time          timestamptz NOT NULL,
    host          text NOT NULL,
    container_id  text NOT NULL,
    name          text NOT NULL,
    identity      text NOT NULL,
    cpu_percent   double precision,
    cpu_total     bigint NOT NULL,
    system_total  bigint,
    online_cpus   integer NOT NULL,
    memory_used   bigint NOT NULL,
    memory_limit  bigint NOT NULL,
    network_rx    bigint,
    network_tx    bigint,
    block_read    bigint,
    block_write   bigint,
    pids          bigint,
    PRIMARY KEY (host, container_id, time)
);
CREATE INDEX container_stats_time ON container_stats USING brin (time);
