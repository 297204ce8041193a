-- Keys of messages are small integers in the order of storing, so that everything that points at
-- a message is small and everything new goes to the end of its table.

-- Words that repeat: accounts, routes, channels, causes, kinds of keys.
CREATE TABLE name (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE) STRICT;

-- Dialects apart from the other words: a program must know all that a database uses.
CREATE TABLE dialect (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE) STRICT;

CREATE TABLE lane (
    id INTEGER PRIMARY KEY,
    route INTEGER NOT NULL,
    sender TEXT NOT NULL,
    account INTEGER NOT NULL,
    UNIQUE (route, sender, account)
) STRICT;

-- What changes of a message, rewritten by every transition, hence short.
CREATE TABLE message (
    key INTEGER PRIMARY KEY,
    id BLOB NOT NULL,
    version INTEGER NOT NULL,
    account INTEGER NOT NULL,
    dialect INTEGER NOT NULL,
    wake_at INTEGER,
    lane INTEGER,
    priority INTEGER,
    not_before INTEGER,
    status INTEGER NOT NULL,
    cause INTEGER,
    channel INTEGER NOT NULL,
    settled_at INTEGER,
    pullable INTEGER NOT NULL,
    history INTEGER NOT NULL,
    state BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX message_id ON message (id);
CREATE INDEX message_account ON message (account);
CREATE INDEX message_failed ON message (account) WHERE status = 7;
CREATE INDEX message_wake ON message (wake_at, id) WHERE wake_at IS NOT NULL;
CREATE INDEX message_queue ON message (lane, priority, not_before, id) WHERE lane IS NOT NULL;
CREATE INDEX message_pullable ON message (account, dialect) WHERE pullable = 1;

-- What never changes of a message. `shared` is NULL if it stands in the table of that name.
CREATE TABLE body (
    key INTEGER PRIMARY KEY,
    batch BLOB NOT NULL,
    position INTEGER NOT NULL,
    batch_size INTEGER NOT NULL,
    accepted_at INTEGER NOT NULL,
    recipient TEXT NOT NULL,
    client_ref TEXT,
    memo TEXT,
    shared BLOB
) STRICT;

-- Brief and plan of submissions with several messages; `messages` counts those left.
CREATE TABLE shared (batch BLOB PRIMARY KEY, messages INTEGER NOT NULL, json BLOB NOT NULL) STRICT;

CREATE TABLE client_ref (
    account INTEGER NOT NULL,
    dialect INTEGER NOT NULL,
    ref TEXT NOT NULL,
    message INTEGER NOT NULL,
    PRIMARY KEY (account, dialect, ref)
) STRICT, WITHOUT ROWID;

-- Transitions, one row each, chained backwards from message.history (0 ends the chain): written
-- at the end of the table only, and without an index.
CREATE TABLE history (key INTEGER PRIMARY KEY, previous INTEGER NOT NULL, entries BLOB NOT NULL) STRICT;

-- Finds messages by recipient, submission and bulk id. `place` is the segment of the message's
-- key, then 32 bits of a hash: see marks.rs.
CREATE TABLE mark (
    place INTEGER NOT NULL,
    message INTEGER NOT NULL,
    PRIMARY KEY (place, message)
) STRICT, WITHOUT ROWID;

-- Finds attempts by the network's ids, in segments like marks; `rest` is 64 more bits of the hash.
CREATE TABLE upstream (
    place INTEGER NOT NULL,
    rest INTEGER NOT NULL,
    message INTEGER NOT NULL,
    step INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    part INTEGER NOT NULL,
    PRIMARY KEY (place, rest, message, step, attempt, part)
) STRICT, WITHOUT ROWID;
CREATE TABLE callback (
    id INTEGER PRIMARY KEY,
    message INTEGER,
    account INTEGER NOT NULL,
    dialect INTEGER NOT NULL,
    -- 1 for the oldest pending one of its message and address.
    head INTEGER NOT NULL,
    standing INTEGER NOT NULL,
    tries INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    last_result TEXT,
    about TEXT NOT NULL,
    url TEXT NOT NULL,
    request BLOB NOT NULL
) STRICT;
CREATE INDEX callback_message ON callback (message) WHERE message IS NOT NULL;
CREATE INDEX callback_due ON callback (due_at) WHERE head = 1;
CREATE INDEX callback_parked ON callback (standing) WHERE standing = 2;
CREATE INDEX callback_parked_by_account ON callback (account) WHERE standing = 2;
-- Finished callbacks of inbound messages, which no sweep of messages reaches.
CREATE INDEX callback_inbound ON callback (due_at) WHERE message IS NULL AND standing <> 0;

CREATE TABLE remembered (
    account INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    key TEXT NOT NULL,
    until INTEGER NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (account, kind, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX remembered_until ON remembered (until);

CREATE TABLE document (
    account INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    key TEXT NOT NULL,
    version INTEGER NOT NULL,
    json TEXT NOT NULL,
    PRIMARY KEY (account, kind, key)
) STRICT, WITHOUT ROWID;

-- Messages accepted and not settled, by account.
CREATE TABLE tally (account INTEGER PRIMARY KEY, unfinished INTEGER NOT NULL) STRICT;
