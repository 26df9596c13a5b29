-- What is so now, for those who serve it and do not watch by themselves. One supervisor at a time
-- keeps it, and replaces all of it at its start. It is not logged: after a crash of the server it is
-- empty, and the supervisor writes it anew; a standby does not have it.

CREATE UNLOGGED TABLE live_state (
    kind     text NOT NULL,
    host     text NOT NULL,
    key      text NOT NULL,
    document bytea NOT NULL,
    PRIMARY KEY (kind, host, key)
) WITH (fillfactor = 70);

-- The last changes of it, all of a moment in one row, so that each who serves reads one row for
-- them. Compressed already.
CREATE UNLOGGED TABLE live_changes (
    revision bigint PRIMARY KEY,
    changes  bytea NOT NULL
);
ALTER TABLE live_changes ALTER COLUMN changes SET STORAGE EXTERNAL;

-- Whose it is. `run` is another after each start of a supervisor, `beat` its last sign of life.
CREATE UNLOGGED TABLE live_run (
    sole     boolean PRIMARY KEY DEFAULT true CHECK (sole),
    run      text NOT NULL,
    format   integer NOT NULL,
    revision bigint NOT NULL,
    beat     timestamptz NOT NULL
);
