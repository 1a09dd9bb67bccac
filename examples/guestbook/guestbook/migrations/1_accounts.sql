CREATE TABLE user (
    -- A number that came back after its account was deleted would open old sessions again.
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    -- What `name_key` makes of the name: two that differ in capitals only are one. Letters of
    -- different scripts that look the same remain different.
    key TEXT NOT NULL UNIQUE,
    password TEXT NOT NULL,
    admin INTEGER NOT NULL DEFAULT 0,
    -- A hash, because whoever reads a token can use it.
    token TEXT UNIQUE,
    registered TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
);

-- Entries of the time before there were accounts belong to nobody.
ALTER TABLE entry ADD COLUMN user_id INTEGER REFERENCES user (id);
ALTER TABLE entry ADD COLUMN edited TEXT;
