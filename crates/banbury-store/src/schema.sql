CREATE TABLE meta (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    -- Entries of the log that this index holds, and the hash of the last of them.
    size INTEGER NOT NULL,
    last TEXT NOT NULL
) STRICT;
INSERT INTO meta VALUES (1, 0, '');

CREATE TABLE entry (
    number INTEGER PRIMARY KEY,
    at TEXT NOT NULL,
    actor TEXT NOT NULL,
    act TEXT NOT NULL,
    evaluation TEXT,
    -- The finding, change or person that the act is about.
    subject TEXT,
    json TEXT NOT NULL
) STRICT;
CREATE INDEX entry_subject ON entry (subject, evaluation, number) WHERE subject IS NOT NULL;
CREATE INDEX entry_act ON entry (act, number);
CREATE INDEX entry_evaluation ON entry (evaluation, number) WHERE evaluation IS NOT NULL;

CREATE TABLE run (
    entry INTEGER PRIMARY KEY,
    evaluation TEXT NOT NULL,
    at TEXT NOT NULL,
    by TEXT NOT NULL,
    tool TEXT NOT NULL,
    version TEXT NOT NULL,
    artefact TEXT,
    results TEXT NOT NULL,
    findings INTEGER NOT NULL,
    -- The tool's own account of what it read: a JSON object, where it gives one.
    totals TEXT
) STRICT;
CREATE INDEX run_evaluation ON run (evaluation);

CREATE TABLE finding (
    id INTEGER PRIMARY KEY,
    evaluation TEXT NOT NULL,
    name TEXT NOT NULL,
    -- Position in the evaluation, heaviest first.
    rank INTEGER NOT NULL,
    rule TEXT NOT NULL,
    message TEXT NOT NULL,
    file TEXT NOT NULL,
    line INTEGER NOT NULL,
    function TEXT NOT NULL,
    weight REAL,
    heavy INTEGER NOT NULL,
    tools TEXT NOT NULL,
    standing TEXT NOT NULL,
    verdict TEXT NOT NULL,
    reason TEXT,
    by TEXT,
    carried_from TEXT,
    severity TEXT,
    embargoed INTEGER NOT NULL,
    assigned TEXT,
    results TEXT NOT NULL,
    first_byte INTEGER NOT NULL,
    end_byte INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX finding_name ON finding (evaluation, name);
CREATE INDEX finding_rank ON finding (evaluation, rank);
CREATE INDEX finding_verdict ON finding (evaluation, verdict, rank);
CREATE INDEX finding_standing ON finding (evaluation, standing, rank);
CREATE INDEX finding_rule ON finding (evaluation, rule, rank);
CREATE INDEX finding_assigned ON finding (evaluation, assigned, rank) WHERE assigned IS NOT NULL;
CREATE INDEX finding_weight ON finding (evaluation, weight, rank);
CREATE INDEX finding_file ON finding (evaluation, file, rank);

CREATE TABLE tally (
    evaluation TEXT NOT NULL,
    standing TEXT NOT NULL,
    verdict TEXT NOT NULL,
    rule TEXT NOT NULL,
    heavy INTEGER NOT NULL,
    embargoed INTEGER NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (evaluation, standing, verdict, rule, heavy, embargoed)
) STRICT, WITHOUT ROWID;

CREATE TABLE change (
    id INTEGER PRIMARY KEY,
    evaluation TEXT NOT NULL,
    name TEXT NOT NULL,
    rank INTEGER NOT NULL,
    weight REAL,
    title TEXT NOT NULL,
    file TEXT NOT NULL,
    first_line INTEGER NOT NULL,
    last_line INTEGER NOT NULL,
    side TEXT NOT NULL,
    old_file TEXT,
    old_first INTEGER NOT NULL,
    old_last INTEGER NOT NULL,
    function TEXT NOT NULL,
    lines INTEGER NOT NULL,
    -- A JSON array of name and decibans.
    reasons TEXT NOT NULL,
    -- Edits with one number are one edit made in several places.
    edit INTEGER NOT NULL,
    verdict TEXT,
    note TEXT,
    by TEXT,
    at TEXT
) STRICT;
CREATE UNIQUE INDEX change_name ON change (evaluation, name);
CREATE INDEX change_rank ON change (evaluation, rank);
CREATE INDEX change_verdict ON change (evaluation, verdict, rank);
