-- How the table of routes changed. A route's own past is read by its domain; `cause_*` tell what
-- happened to whom, all but the event empty where it was nobody. `before` and `after` are lists of
-- the members of its pool, as 'HOST/NAME ADDRESS:PORT'.

CREATE TABLE route_changes (
    time               timestamptz NOT NULL,
    revision           bigint NOT NULL,
    kind               text NOT NULL,
    domain             text NOT NULL,
    path               text NOT NULL,
    status             text,
    before             jsonb NOT NULL,
    after              jsonb NOT NULL,
    summary            text NOT NULL,
    cause_event        text NOT NULL,
    cause_host         text NOT NULL,
    cause_container    text NOT NULL,
    cause_container_id text NOT NULL,
    PRIMARY KEY (time, revision, domain, path)
);
CREATE INDEX route_changes_domain ON route_changes (domain, time);
