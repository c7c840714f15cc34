-- The log. An entry's body is the exact bytes of its record and is never
-- rewritten; head says how many there are and changes with them in one commit.
-- +goose Up
CREATE TABLE entry (
  seq  INTEGER PRIMARY KEY CHECK (seq > 0), -- the leaf's index in the tree, plus one
  ts   INTEGER NOT NULL, -- microseconds since 1970, strictly increasing
  body BLOB NOT NULL
) STRICT;

-- The Merkle tree's full tiles: 256 hashes of 32 bytes, level l holding the
-- nodes of height 8*l. What is not in a full tile follows from the entries.
CREATE TABLE tile (
  l INTEGER NOT NULL,
  n INTEGER NOT NULL,
  d BLOB NOT NULL CHECK (length(d) = 8192),
  PRIMARY KEY (l, n)
) STRICT, WITHOUT ROWID;

CREATE TABLE head (
  id       INTEGER PRIMARY KEY CHECK (id = 1),
  size     INTEGER NOT NULL,
  last_ts  INTEGER NOT NULL,
  root     BLOB NOT NULL,    -- of the tree with size leaves
  frontier BLOB NOT NULL,    -- its complete subtrees, the largest first
  origin   TEXT NOT NULL,    -- the log's name in its checkpoints; set at the first start
  note     BLOB NOT NULL,    -- the latest signed checkpoint; empty: none
  pruned   INTEGER NOT NULL CHECK (pruned >= 0 AND pruned <= size AND pruned % 256 = 0) -- entries up to it may be deleted
) STRICT;
INSERT INTO head (id, size, last_ts, root, frontier, origin, note, pruned)
VALUES (1, 0, 0, x'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855', x'', '', x'', 0);

-- The leaves that the latest checkpoint has beyond the last full tile. Apart
-- from the head, which every commit writes.
CREATE TABLE edge (
  id     INTEGER PRIMARY KEY CHECK (id = 1),
  leaves BLOB NOT NULL
) STRICT;
INSERT INTO edge (id, leaves) VALUES (1, x'');

-- Checkpoints that are kept: consecutive, as their notes say too.
CREATE TABLE checkpoint (
  n    INTEGER PRIMARY KEY CHECK (n > 0),
  size INTEGER NOT NULL,
  ts   INTEGER NOT NULL,
  note BLOB NOT NULL
) STRICT;
CREATE INDEX checkpoint_size ON checkpoint (size);

-- +goose StatementBegin
CREATE TRIGGER entry_is_never_changed BEFORE UPDATE ON entry
BEGIN SELECT RAISE(ABORT, 'entries of the log are never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER entry_is_never_deleted BEFORE DELETE ON entry
WHEN OLD.seq > (SELECT pruned FROM head WHERE id = 1)
BEGIN SELECT RAISE(ABORT, 'entries of the log are never deleted before their time'); END;
-- +goose StatementEnd
-- INSERT OR REPLACE would delete without that trigger.
-- +goose StatementBegin
CREATE TRIGGER entry_is_next BEFORE INSERT ON entry
WHEN NEW.seq <> (SELECT coalesce(max(seq), 0) + 1 FROM entry)
BEGIN SELECT RAISE(ABORT, 'entries of the log follow one another'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER tile_is_never_changed BEFORE UPDATE ON tile
BEGIN SELECT RAISE(ABORT, 'tiles of the log are never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER tile_is_never_deleted BEFORE DELETE ON tile
BEGIN SELECT RAISE(ABORT, 'tiles of the log are never deleted'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER tile_is_never_replaced BEFORE INSERT ON tile
WHEN EXISTS (SELECT 1 FROM tile WHERE l = NEW.l AND n = NEW.n)
BEGIN SELECT RAISE(ABORT, 'tiles of the log are never replaced'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER checkpoint_is_never_changed BEFORE UPDATE ON checkpoint
BEGIN SELECT RAISE(ABORT, 'checkpoints of the log are never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER checkpoint_is_never_deleted BEFORE DELETE ON checkpoint
BEGIN SELECT RAISE(ABORT, 'checkpoints of the log are never deleted'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER checkpoint_is_next BEFORE INSERT ON checkpoint
WHEN NEW.n <> (SELECT coalesce(max(n), 0) + 1 FROM checkpoint)
BEGIN SELECT RAISE(ABORT, 'checkpoints of the log follow one another'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER head_only_grows BEFORE UPDATE ON head
WHEN NEW.size < OLD.size OR NEW.pruned < OLD.pruned OR OLD.origin <> '' AND NEW.origin <> OLD.origin
BEGIN SELECT RAISE(ABORT, 'the head of the log only grows'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER head_is_never_deleted BEFORE DELETE ON head
BEGIN SELECT RAISE(ABORT, 'the head of the log is never deleted'); END;
-- +goose StatementEnd
