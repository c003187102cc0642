-- history.db as version 1 made it.
BEGIN IMMEDIATE;
CREATE TABLE layout (id INTEGER PRIMARY KEY, visit TEXT NOT NULL, names TEXT NOT NULL, UNIQUE (visit, names));
CREATE TABLE fresh  (id INTEGER PRIMARY KEY, layout INTEGER NOT NULL, level INTEGER NOT NULL, boot TEXT,
                     first INTEGER NOT NULL, last INTEGER NOT NULL, packed BLOB NOT NULL);
CREATE TABLE chunk  (id INTEGER PRIMARY KEY, layout INTEGER NOT NULL, level INTEGER NOT NULL, boot TEXT,
                     first INTEGER NOT NULL, last INTEGER NOT NULL, packed BLOB NOT NULL);
CREATE INDEX chunk_times ON chunk (layout, level, boot, last, first);
CREATE TABLE state  (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
PRAGMA user_version = 1;
COMMIT;
