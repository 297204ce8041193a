-- What lists are filtered by, in short: which values the settled messages of a block have or had
-- (never taken back while the block lives), so that a list of something rare passes over all
-- blocks without it. Each is there twice: for its account, and for all of them together under the
-- account 0, since there are few kinds of messages in a block, but maybe many accounts. See
-- facets.rs.
CREATE TABLE facet (
    account INTEGER NOT NULL,
    block INTEGER NOT NULL,
    status INTEGER NOT NULL,
    -- 0 if there is none.
    cause INTEGER NOT NULL,
    channel INTEGER NOT NULL,
    dialect INTEGER NOT NULL,
    PRIMARY KEY (account, block, status, cause, channel, dialect)
) STRICT, WITHOUT ROWID;
INSERT INTO facet
    SELECT DISTINCT account, key >> 10, status, ifnull(cause, 0), channel, dialect
    FROM message WHERE settled_at IS NOT NULL;
INSERT OR IGNORE INTO facet SELECT 0, block, status, cause, channel, dialect FROM facet;

-- Blocks with messages under way, and how many.
CREATE TABLE open_block (block INTEGER PRIMARY KEY, unfinished INTEGER NOT NULL) STRICT;
INSERT INTO open_block SELECT key >> 10, count(*) FROM message WHERE settled_at IS NULL GROUP BY 1;

DROP INDEX message_failed;
