-- The log. An entry's body is the exact bytes of its record and is never
-- rewritten; head says how many there are and changes with them in one commit.
-- +goose Up
CREATE TABLE entry (
  seq  BIGINT PRIMARY KEY CHECK (seq > 0), -- the leaf's index in the tree, plus one
  ts   BIGINT NOT NULL, -- microseconds since 1970, strictly increasing
  body BYTEA NOT NULL
);

-- The Merkle tree's full tiles: 256 hashes of 32 bytes, level l holding the
-- nodes of height 8*l. What is not in a full tile follows from the entries.
CREATE TABLE tile (
  l INTEGER NOT NULL,
  n BIGINT NOT NULL,
  d BYTEA NOT NULL CHECK (length(d) = 8192),
  PRIMARY KEY (l, n)
);
ALTER TABLE tile ALTER COLUMN d SET STORAGE EXTERNAL; -- hashes do not compress

CREATE TABLE head (
  id       INTEGER PRIMARY KEY CHECK (id = 1),
  size     BIGINT NOT NULL,
  last_ts  BIGINT NOT NULL,
  root     BYTEA NOT NULL,   -- of the tree with size leaves
  frontier BYTEA NOT NULL,   -- its complete subtrees, the largest first
  origin   TEXT NOT NULL,    -- the log's name in its checkpoints; set at the first start
  note     BYTEA NOT NULL,   -- the latest signed checkpoint; empty: none
  pruned   BIGINT NOT NULL CHECK (pruned >= 0 AND pruned <= size AND pruned % 256 = 0) -- entries up to it may be deleted
) WITH (fillfactor = 10);
INSERT INTO head (id, size, last_ts, root, frontier, origin, note, pruned)
VALUES (1, 0, 0, '\xe3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855', '', '', '', 0);

-- The leaves that the latest checkpoint has beyond the last full tile. Apart
-- from the head, which every commit writes.
CREATE TABLE edge (
  id     INTEGER PRIMARY KEY CHECK (id = 1),
  leaves BYTEA NOT NULL
);
ALTER TABLE edge ALTER COLUMN leaves SET STORAGE EXTERNAL; -- hashes do not compress
INSERT INTO edge (id, leaves) VALUES (1, '');

-- Checkpoints that are kept: consecutive, as their notes say too.
CREATE TABLE checkpoint (
  n    BIGINT PRIMARY KEY CHECK (n > 0),
  size BIGINT NOT NULL,
  ts   BIGINT NOT NULL,
  note BYTEA NOT NULL
);
CREATE INDEX checkpoint_size ON checkpoint (size);

-- +goose StatementBegin
CREATE FUNCTION log_is_never_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'rows of % are never changed or deleted', TG_TABLE_NAME; END $$;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE FUNCTION entry_may_be_pruned() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.seq > (SELECT pruned FROM head WHERE id = 1) THEN
    RAISE EXCEPTION 'entries of the log are never deleted before their time';
  END IF;
  RETURN OLD;
END $$;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE FUNCTION head_only_grows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.size < OLD.size OR NEW.pruned < OLD.pruned OR OLD.origin <> '' AND NEW.origin <> OLD.origin THEN
    RAISE EXCEPTION 'the head of the log only grows';
  END IF;
  RETURN NEW;
END $$;
-- +goose StatementEnd
CREATE TRIGGER entry_is_never_changed BEFORE UPDATE ON entry
  FOR EACH ROW EXECUTE FUNCTION log_is_never_changed();
CREATE TRIGGER entry_is_never_deleted BEFORE DELETE ON entry
  FOR EACH ROW EXECUTE FUNCTION entry_may_be_pruned();
CREATE TRIGGER entry_is_never_truncated BEFORE TRUNCATE ON entry
  FOR EACH STATEMENT EXECUTE FUNCTION log_is_never_changed();
CREATE TRIGGER tile_is_never_changed BEFORE UPDATE OR DELETE ON tile
  FOR EACH ROW EXECUTE FUNCTION log_is_never_changed();
CREATE TRIGGER tile_is_never_truncated BEFORE TRUNCATE ON tile
  FOR EACH STATEMENT EXECUTE FUNCTION log_is_never_changed();
CREATE TRIGGER checkpoint_is_never_changed BEFORE UPDATE OR DELETE ON checkpoint
  FOR EACH ROW EXECUTE FUNCTION log_is_never_changed();
CREATE TRIGGER checkpoint_is_never_truncated BEFORE TRUNCATE ON checkpoint
  FOR EACH STATEMENT EXECUTE FUNCTION log_is_never_changed();
CREATE TRIGGER head_only_grows BEFORE UPDATE ON head
  FOR EACH ROW EXECUTE FUNCTION head_only_grows();
CREATE TRIGGER head_is_never_deleted BEFORE DELETE ON head
  FOR EACH ROW EXECUTE FUNCTION log_is_never_changed();
CREATE TRIGGER head_is_never_truncated BEFORE TRUNCATE ON head
  FOR EACH STATEMENT EXECUTE FUNCTION log_is_never_changed();
