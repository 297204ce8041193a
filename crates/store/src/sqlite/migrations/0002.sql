-- Which message a transition is of, so that all transitions can be read in the order in which they
-- became durable. Those written before have none and are read message by message only.
ALTER TABLE history ADD COLUMN message INTEGER;

-- The highest numbers ever given, kept when their rows go: a reader's cursor must never stand
-- beyond what comes next.
CREATE TABLE high_water (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
