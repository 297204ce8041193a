-- The newest record of the journal that the database has. A program that does not know the journal
-- must not open a database that may have one.
INSERT OR IGNORE INTO high_water (name, value) VALUES ('journal', 0);
