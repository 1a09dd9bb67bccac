-- With a write-ahead log, readers never wait for the writer, nor the writer for them.
PRAGMA journal_mode = WAL;

CREATE TABLE entry (
    -- Without AUTOINCREMENT a deleted entry's number could be given to someone else's entry,
    -- which an old session would then be allowed to delete.
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    message TEXT NOT NULL,
    written TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
);
