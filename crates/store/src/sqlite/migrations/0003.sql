-- Money, in millionths. Accounts without a balance have no rows here.

CREATE TABLE balance (
    account INTEGER PRIMARY KEY,
    currency TEXT NOT NULL,
    available INTEGER NOT NULL,
    held INTEGER NOT NULL
) STRICT;

-- What is set aside for a message under way; gone once it is settled.
CREATE TABLE hold (message INTEGER PRIMARY KEY, account INTEGER NOT NULL, micros INTEGER NOT NULL) STRICT;

-- Movements, one row each. Those of a message go with it when it is swept.
CREATE TABLE ledger (
    id INTEGER PRIMARY KEY,
    account INTEGER NOT NULL,
    message INTEGER,
    step INTEGER,
    kind INTEGER NOT NULL,
    micros INTEGER NOT NULL,
    -- What was available afterwards.
    available INTEGER NOT NULL,
    at INTEGER NOT NULL,
    reference TEXT
) STRICT;
CREATE INDEX ledger_account ON ledger (account);
CREATE INDEX ledger_message ON ledger (message) WHERE message IS NOT NULL;
CREATE UNIQUE INDEX ledger_reference ON ledger (account, reference) WHERE reference IS NOT NULL;
