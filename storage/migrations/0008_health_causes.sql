-- What an outage came from, and how often fleet tried to end it: `error_kind` is a stable word,
-- `attempts` how many failed in a row, in the observation that ends an outage all of it.
ALTER TABLE host_health
    ADD COLUMN error_kind text,
    ADD COLUMN attempts   integer;
