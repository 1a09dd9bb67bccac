-- Sessions hold this number. A new one ends them, and the copies that were made of their cookies.
ALTER TABLE user ADD COLUMN session INTEGER NOT NULL DEFAULT 0;

-- Keys are made with one more step now. Should two accounts turn out to have the same, only the one
-- whose key is right already, or was put right first, can be logged in to.
UPDATE OR IGNORE user SET key = name_key(name);
