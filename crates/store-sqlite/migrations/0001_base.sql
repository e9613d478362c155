-- The base schema. Ids are 16-byte BLOBs, instants are INTEGER microseconds since 1970 (UTC), JSON is canonical text.
-- Status words stand here (checks, views, partial indexes) and nowhere else in SQL. The checks are chains of OR: for
-- `IN (...)` of more than two words SQLite builds a table in memory each time a row is written.

CREATE TABLE workspaces (
    id BLOB NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO workspaces (id, name, created_at) VALUES (x'01900000000070008000000000000001', 'default', 0);

-- `no` names a user where a short name counts.
CREATE TABLE users (
    no INTEGER NOT NULL PRIMARY KEY,
    workspace_id BLOB NOT NULL,
    id BLOB NOT NULL,
    external_id TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    UNIQUE (workspace_id, id)
) STRICT;

CREATE TABLE drafts (
    workspace_id BLOB NOT NULL,
    id BLOB NOT NULL,
    user_id BLOB NOT NULL,
    recipe TEXT NOT NULL,
    title TEXT NOT NULL,
    status TEXT NOT NULL CHECK (
        status = 'pending' OR status = 'processing' OR status = 'draft' OR status = 'published'
        OR status = 'failed' OR status = 'cancelled'
    ),
    review TEXT NOT NULL CHECK (review = 'none' OR review = 'approved' OR review = 'rejected'),
    review_reason TEXT, -- what the reviewer said of the current version
    current_version INTEGER NOT NULL DEFAULT 0,
    version_count INTEGER NOT NULL DEFAULT 0,
    live_generation_id BLOB,
    external_id TEXT,
    revision INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    generated_at INTEGER,
    published_at INTEGER,
    deleted_at INTEGER,
    PRIMARY KEY (workspace_id, id),
    CHECK ((published_at IS NOT NULL) = (status = 'published')),
    CHECK (current_version BETWEEN 0 AND version_count)
) STRICT, WITHOUT ROWID;

CREATE INDEX drafts_external ON drafts (workspace_id, external_id) WHERE external_id IS NOT NULL;

CREATE TABLE versions (
    draft_id BLOB NOT NULL,
    number INTEGER NOT NULL CHECK (number > 0),
    workspace_id BLOB NOT NULL,
    generation_id BLOB UNIQUE,
    origin TEXT NOT NULL CHECK (
        origin = 'generated' OR origin = 'fallback' OR origin = 'stopped' OR origin = 'edited'
        OR origin = 'restored'
    ),
    reason TEXT,
    form TEXT NOT NULL,
    title TEXT NOT NULL,
    body TEXT NOT NULL,
    words INTEGER NOT NULL,
    hash BLOB NOT NULL,
    provenance TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (draft_id, number),
    FOREIGN KEY (workspace_id, draft_id) REFERENCES drafts (workspace_id, id)
) STRICT;

-- The files of versions. Their bytes are in the asset store, under `path`. Few versions have any.
CREATE TABLE assets (
    id BLOB NOT NULL PRIMARY KEY,
    workspace_id BLOB NOT NULL,
    generation_id BLOB NOT NULL,
    draft_id BLOB NOT NULL,
    version INTEGER NOT NULL,
    seq INTEGER NOT NULL CHECK (seq > 0),
    media_type TEXT NOT NULL,
    bytes INTEGER NOT NULL CHECK (bytes > 0),
    sha256 BLOB NOT NULL,
    path TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    UNIQUE (generation_id, seq)
) STRICT, WITHOUT ROWID;

-- The facts of an accept. Never updated, but for a deadline that is moved by hand.
CREATE TABLE generations (
    id BLOB NOT NULL PRIMARY KEY,
    workspace_id BLOB NOT NULL,
    draft_id BLOB NOT NULL,
    user_id BLOB NOT NULL,
    -- Who asked, where a key is needed.
    key_id BLOB,
    recipe TEXT NOT NULL,
    recipe_version TEXT NOT NULL,
    model TEXT NOT NULL,
    step TEXT NOT NULL,
    queue_id INTEGER NOT NULL,
    target TEXT,
    dedupe_key TEXT,
    priority INTEGER NOT NULL,
    base_version INTEGER NOT NULL,
    accepted_at INTEGER NOT NULL,
    run_at INTEGER,
    deadline_at INTEGER NOT NULL,
    attempt_timeout_us INTEGER NOT NULL,
    max_attempts INTEGER NOT NULL,
    attempts_per_model INTEGER NOT NULL,
    hold INTEGER NOT NULL CHECK (hold >= 0),
    -- How a metered price follows from the cost: micro-credits per dollar, basis points, micro-credits.
    metered_per_usd INTEGER,
    metered_margin INTEGER,
    metered_min INTEGER,
    -- The most it may cost the operator, in nano-dollars; null is no cap.
    cost_max INTEGER CHECK (cost_max >= 0),
    -- What it changes of the recipe's parameters, as JSON.
    params TEXT,
    input_bytes INTEGER NOT NULL,
    -- The item of a job it was made of.
    job_id BLOB,
    job_seq INTEGER,
    CHECK ((job_id IS NULL) = (job_seq IS NULL)),
    CHECK ((metered_per_usd IS NULL) = (metered_margin IS NULL) AND (metered_per_usd IS NULL) = (metered_min IS NULL)),
    FOREIGN KEY (workspace_id, draft_id) REFERENCES drafts (workspace_id, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX generations_workspace ON generations (workspace_id, id);
CREATE INDEX generations_draft ON generations (draft_id);
CREATE INDEX generations_job ON generations (job_id, id) WHERE job_id IS NOT NULL;

CREATE TABLE inputs (
    generation_id BLOB NOT NULL PRIMARY KEY REFERENCES generations (id),
    workspace_id BLOB NOT NULL,
    -- Before the input, which lists pass over and which may fill many pages.
    metadata TEXT NOT NULL,
    -- Which fields of the input a profile filled: a JSON list.
    filled TEXT,
    input TEXT NOT NULL
) STRICT;

-- The drafts, generations and calls of a user, in the order they were made. One tree for all three, so that what a
-- commit adds for a user dirties one page and not three; what an id names is found by looking.
CREATE TABLE belongings (
    user_no INTEGER NOT NULL,
    id BLOB NOT NULL,
    PRIMARY KEY (user_no, id)
) STRICT, WITHOUT ROWID;

-- A generation is in exactly one of ready, parked, runs, outcomes.
-- Claimable now. Inserted and deleted, never updated, but for a deadline that is moved by hand. The key is the order of claims.
CREATE TABLE ready (
    queue_id INTEGER NOT NULL,
    sort_key INTEGER NOT NULL,
    id BLOB NOT NULL UNIQUE,
    workspace_id BLOB NOT NULL,
    attempt INTEGER NOT NULL,
    spent INTEGER NOT NULL,
    row_version INTEGER NOT NULL,
    deadline_at INTEGER NOT NULL,
    model TEXT NOT NULL,
    step TEXT NOT NULL,
    last_error_code TEXT,
    last_error TEXT,
    PRIMARY KEY (queue_id, sort_key, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX ready_deadline ON ready (deadline_at);

-- Pending but not claimable.
CREATE TABLE parked (
    id BLOB NOT NULL PRIMARY KEY,
    workspace_id BLOB NOT NULL,
    queue_id INTEGER NOT NULL,
    sort_key INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    spent INTEGER NOT NULL,
    row_version INTEGER NOT NULL,
    deadline_at INTEGER NOT NULL,
    model TEXT NOT NULL,
    step TEXT NOT NULL,
    reason TEXT NOT NULL CHECK (reason = 'scheduled' OR reason = 'backing_off' OR reason = 'target' OR reason = 'held'),
    not_before_at INTEGER,
    target TEXT,
    last_error_code TEXT,
    last_error TEXT,
    CHECK ((not_before_at IS NULL) = (reason = 'target' OR reason = 'held')),
    CHECK ((target IS NOT NULL) = (reason = 'target'))
) STRICT, WITHOUT ROWID;

CREATE INDEX parked_due ON parked (not_before_at) WHERE not_before_at IS NOT NULL;
CREATE INDEX parked_target ON parked (workspace_id, target, sort_key, id) WHERE reason = 'target';
CREATE INDEX parked_deadline ON parked (deadline_at);

-- Processing.
CREATE TABLE runs (
    id BLOB NOT NULL PRIMARY KEY,
    workspace_id BLOB NOT NULL,
    queue_id INTEGER NOT NULL,
    sort_key INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    spent INTEGER NOT NULL,
    row_version INTEGER NOT NULL,
    deadline_at INTEGER NOT NULL,
    model TEXT NOT NULL,
    step TEXT NOT NULL,
    node_id BLOB NOT NULL,
    claimed_at INTEGER NOT NULL,
    attempt_deadline_at INTEGER NOT NULL,
    call_id BLOB NOT NULL,
    -- It waits for a job at the provider: counted in its lanes and not in the global limit.
    waiting INTEGER NOT NULL DEFAULT 0 CHECK (waiting IN (0, 1)),
    last_error_code TEXT,
    last_error TEXT
) STRICT, WITHOUT ROWID;

CREATE INDEX runs_queue ON runs (queue_id, waiting);

-- Final, and never changed again.
CREATE TABLE outcomes (
    id BLOB NOT NULL PRIMARY KEY,
    workspace_id BLOB NOT NULL,
    user_id BLOB NOT NULL,
    status TEXT NOT NULL CHECK (status = 'completed' OR status = 'failed' OR status = 'cancelled'),
    attempt INTEGER NOT NULL,
    spent INTEGER NOT NULL,
    row_version INTEGER NOT NULL,
    started_at INTEGER,
    finished_at INTEGER NOT NULL,
    settled INTEGER NOT NULL CHECK (settled >= 0),
    version INTEGER,
    origin TEXT,
    error_code TEXT,
    error TEXT,
    error_detail TEXT,
    CHECK ((status = 'completed') = (version IS NOT NULL)),
    CHECK (status <> 'failed' OR error_code IS NOT NULL)
) STRICT, WITHOUT ROWID;

-- Nearly all end well; those are found through `generations`.
CREATE INDEX outcomes_without_version ON outcomes (workspace_id, status, id) WHERE version IS NULL;

-- What lanes a generation belongs to, as one small number.
CREATE TABLE queues (
    id INTEGER NOT NULL PRIMARY KEY,
    workspace_id BLOB NOT NULL,
    recipe TEXT NOT NULL,
    provider TEXT NOT NULL,
    model TEXT NOT NULL,
    -- The route has a further model, so a cooldown of this one holds nothing back.
    onward INTEGER NOT NULL CHECK (onward IN (0, 1)),
    UNIQUE (workspace_id, recipe, model, onward)
) STRICT;

-- Models and providers with which something is wrong: `model:provider/model` or `provider:provider`. No row is healthy.
CREATE TABLE health (
    name TEXT NOT NULL PRIMARY KEY,
    failures INTEGER NOT NULL,
    opened INTEGER NOT NULL,
    open_until INTEGER,
    since_at INTEGER NOT NULL,
    code TEXT NOT NULL,
    message TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Prices set while the program ran; only ever appended to. Of the rows of a model that have begun, the newest holds. A
-- row without a price ends what was set before.
CREATE TABLE prices (
    number INTEGER NOT NULL PRIMARY KEY,
    model TEXT NOT NULL,
    from_at INTEGER NOT NULL,
    version TEXT,
    rates TEXT,
    created_at INTEGER NOT NULL,
    CHECK ((version IS NULL) = (rates IS NULL))
) STRICT;

-- What each rate lane has paid: the instants at which its requests and tokens so far are paid off.
CREATE TABLE rates (
    lane TEXT NOT NULL PRIMARY KEY,
    requests_at INTEGER NOT NULL,
    tokens_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The virtual time of each queue, and as queue 0 the common one. No row is time 0.
CREATE TABLE clock (
    queue_id INTEGER NOT NULL PRIMARY KEY CHECK (queue_id >= 0),
    virtual_time INTEGER NOT NULL
) STRICT;

-- Where, in its virtual time, a user's last generation of a queue ends.
CREATE TABLE fair (
    queue_id INTEGER NOT NULL,
    user_id BLOB NOT NULL,
    finish INTEGER NOT NULL,
    PRIMARY KEY (queue_id, user_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE live_targets (
    workspace_id BLOB NOT NULL,
    target TEXT NOT NULL,
    generation_id BLOB NOT NULL,
    PRIMARY KEY (workspace_id, target)
) STRICT, WITHOUT ROWID;

-- Whose dedupe keys are taken, in the order of accept: keys are spread evenly, and a tree in their order would have
-- a page dirtied by each accept and each end. The writer, the only one who asks, finds them in memory (`live_keys.rs`).
CREATE TABLE live_keys (
    generation_id BLOB NOT NULL PRIMARY KEY,
    key_hash BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE idempotency (
    workspace_id BLOB NOT NULL,
    owner TEXT NOT NULL,
    route TEXT NOT NULL,
    key TEXT NOT NULL,
    fingerprint BLOB NOT NULL,
    generation_id BLOB NOT NULL,
    draft_id BLOB NOT NULL,
    deduplicated INTEGER NOT NULL CHECK (deduplicated IN (0, 1)),
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, owner, route, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE steps (
    generation_id BLOB NOT NULL REFERENCES generations (id),
    seq INTEGER NOT NULL,
    name TEXT NOT NULL,
    output TEXT NOT NULL,
    cost_nanousd INTEGER,
    workspace_id BLOB NOT NULL,
    finished_at INTEGER NOT NULL,
    PRIMARY KEY (generation_id, seq),
    UNIQUE (generation_id, name)
) STRICT;

-- One row per request to a provider, written before it leaves.
CREATE TABLE calls (
    workspace_id BLOB NOT NULL,
    id BLOB NOT NULL,
    user_id BLOB NOT NULL,
    draft_id BLOB NOT NULL,
    generation_id BLOB NOT NULL,
    attempt INTEGER NOT NULL,
    service TEXT NOT NULL,
    operation TEXT NOT NULL,
    provider TEXT NOT NULL,
    model TEXT NOT NULL,
    opened_at INTEGER NOT NULL,
    closed_at INTEGER,
    outcome TEXT CHECK (
        outcome = 'ok' OR outcome = 'failed' OR outcome = 'cancelled' OR outcome = 'lost'
        OR outcome = 'late' OR outcome = 'not_sent'
    ),
    tokens_input INTEGER,
    tokens_output INTEGER,
    tokens_cached INTEGER,
    tokens_reasoning INTEGER,
    tokens_cache_write INTEGER,
    tokens_cache_write_1h INTEGER,
    tokens_input_image INTEGER,
    tokens_output_image INTEGER,
    images INTEGER,
    video_seconds INTEGER,
    requests INTEGER,
    estimated INTEGER NOT NULL DEFAULT 0 CHECK (estimated IN (0, 1)),
    cost_nanousd INTEGER,
    cost_status TEXT CHECK (
        cost_status = 'provider' OR cost_status = 'priced' OR cost_status = 'estimated'
        OR cost_status = 'unpriced'
    ),
    price_version TEXT,
    duration_ms INTEGER,
    first_token_ms INTEGER,
    http_status INTEGER,
    provider_request_id TEXT,
    served_model TEXT,
    error_code TEXT,
    error TEXT,
    PRIMARY KEY (workspace_id, id),
    CHECK ((closed_at IS NULL) = (outcome IS NULL))
) STRICT, WITHOUT ROWID;

CREATE INDEX calls_generation ON calls (generation_id);
CREATE INDEX calls_open ON calls (opened_at) WHERE closed_at IS NULL;

-- Totals of the closed calls (docs/adr/0015-cumulative-totals.md). A series is whose calls are counted together; what it
-- does not tell apart is empty, and `cuboid` says what that is. A new user's series get neighbouring numbers and lie on
-- one page.
CREATE TABLE usage_series (
    no INTEGER NOT NULL PRIMARY KEY,
    workspace_id BLOB NOT NULL,
    cuboid INTEGER NOT NULL,
    user_id BLOB NOT NULL,
    service TEXT NOT NULL,
    operation TEXT NOT NULL,
    model TEXT NOT NULL,
    UNIQUE (workspace_id, cuboid, user_id, service, operation, model)
) STRICT;

-- All there was up to now; the newest call lies in the quarter of an hour that begins at `bucket_at`.
CREATE TABLE usage_totals (
    series_no INTEGER NOT NULL PRIMARY KEY,
    bucket_at INTEGER NOT NULL,
    calls INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    estimated INTEGER NOT NULL,
    unpriced INTEGER NOT NULL,
    tokens_input INTEGER NOT NULL,
    tokens_output INTEGER NOT NULL,
    tokens_cached INTEGER NOT NULL,
    tokens_cache_write INTEGER NOT NULL,
    tokens_reasoning INTEGER NOT NULL,
    images INTEGER NOT NULL,
    video_seconds INTEGER NOT NULL,
    cost_nanousd INTEGER NOT NULL,
    duration_ms INTEGER NOT NULL
) STRICT;

-- All there was up to the end of an earlier quarter, for those in which something was counted.
CREATE TABLE usage_history (
    series_no INTEGER NOT NULL,
    bucket_at INTEGER NOT NULL,
    calls INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    estimated INTEGER NOT NULL,
    unpriced INTEGER NOT NULL,
    tokens_input INTEGER NOT NULL,
    tokens_output INTEGER NOT NULL,
    tokens_cached INTEGER NOT NULL,
    tokens_cache_write INTEGER NOT NULL,
    tokens_reasoning INTEGER NOT NULL,
    images INTEGER NOT NULL,
    video_seconds INTEGER NOT NULL,
    cost_nanousd INTEGER NOT NULL,
    duration_ms INTEGER NOT NULL,
    PRIMARY KEY (series_no, bucket_at)
) STRICT, WITHOUT ROWID;

-- What calls that were removed for their age had used: totals are the sum of the calls that are there and of these.
CREATE TABLE usage_pruned (
    workspace_id BLOB NOT NULL PRIMARY KEY,
    calls INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    estimated INTEGER NOT NULL,
    unpriced INTEGER NOT NULL,
    tokens_input INTEGER NOT NULL,
    tokens_output INTEGER NOT NULL,
    tokens_cached INTEGER NOT NULL,
    tokens_cache_write INTEGER NOT NULL,
    tokens_reasoning INTEGER NOT NULL,
    images INTEGER NOT NULL,
    video_seconds INTEGER NOT NULL,
    cost_nanousd INTEGER NOT NULL,
    duration_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Up to when calls and events may have been removed.
CREATE TABLE retention (
    what TEXT NOT NULL PRIMARY KEY CHECK (what IN ('calls', 'events', 'deliveries')),
    before_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE accounts (
    workspace_id BLOB NOT NULL,
    user_id BLOB NOT NULL,
    available INTEGER NOT NULL CHECK (available >= 0),
    held INTEGER NOT NULL CHECK (held >= 0),
    -- How many lots there are, so that nobody looks for those of a user who has none.
    lots INTEGER NOT NULL CHECK (lots >= 0),
    chain_seq INTEGER NOT NULL,
    chain_hash BLOB NOT NULL,
    PRIMARY KEY (workspace_id, user_id)
) STRICT, WITHOUT ROWID;

-- One movement of credits: one row names both sides, so every transfer is zero-sum. Append-only.
CREATE TABLE transfers (
    id BLOB NOT NULL PRIMARY KEY,
    workspace_id BLOB NOT NULL,
    user_id BLOB NOT NULL,
    kind TEXT NOT NULL CHECK (
        kind = 'grant' OR kind = 'hold' OR kind = 'settle' OR kind = 'release' OR kind = 'refund' OR kind = 'purchase'
        OR kind = 'adjust_up' OR kind = 'adjust_down' OR kind = 'gift_sent' OR kind = 'gift_received' OR kind = 'expire'
        OR kind = 'absorb'
    ),
    debit_account TEXT NOT NULL,
    credit_account TEXT NOT NULL,
    amount INTEGER NOT NULL CHECK (amount > 0),
    generation_id BLOB,
    reference TEXT,
    reason TEXT,
    peer_id BLOB,
    expires_at INTEGER,
    created_at INTEGER NOT NULL,
    -- The user's balances right after it.
    available_after INTEGER NOT NULL,
    held_after INTEGER NOT NULL,
    chain_seq INTEGER NOT NULL,
    chain_hash BLOB NOT NULL,
    CHECK (debit_account <> credit_account),
    UNIQUE (workspace_id, user_id, chain_seq)
) STRICT, WITHOUT ROWID;

CREATE INDEX transfers_workspace ON transfers (workspace_id, id);
CREATE UNIQUE INDEX transfers_once ON transfers (generation_id, kind)
    WHERE kind = 'hold' OR kind = 'settle' OR kind = 'release' OR kind = 'absorb';
CREATE INDEX transfers_generation ON transfers (generation_id) WHERE generation_id IS NOT NULL;
-- Both rows of a gift have its reference.
CREATE UNIQUE INDEX transfers_reference ON transfers (workspace_id, reference)
    WHERE reference IS NOT NULL AND kind <> 'gift_received';
-- Few: both sides of a gift are found by either.
CREATE INDEX transfers_gifts ON transfers (workspace_id, user_id, reference)
    WHERE kind = 'gift_sent' OR kind = 'gift_received';

-- What is left of grants and purchases that expire. What is used up is gone.
CREATE TABLE lots (
    workspace_id BLOB NOT NULL,
    user_id BLOB NOT NULL,
    expires_at INTEGER NOT NULL,
    transfer_id BLOB NOT NULL,
    remaining INTEGER NOT NULL CHECK (remaining > 0),
    PRIMARY KEY (workspace_id, user_id, expires_at, transfer_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX lots_expiry ON lots (expires_at);

-- What was posted under a client's own key.
CREATE TABLE post_keys (
    workspace_id BLOB NOT NULL,
    owner TEXT NOT NULL,
    route TEXT NOT NULL,
    key TEXT NOT NULL,
    fingerprint BLOB NOT NULL,
    transfer_id BLOB NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, owner, route, key)
) STRICT, WITHOUT ROWID;

-- What may be used in a day or a month of a zone. Amounts are nano-dollars or tokens, as the measure says. Only the
-- limit, the shares and the end ever change.
CREATE TABLE budgets (
    id BLOB NOT NULL PRIMARY KEY,
    workspace_id BLOB NOT NULL,
    subject TEXT NOT NULL CHECK (subject IN ('workspace', 'each_user', 'user', 'each_key', 'key')),
    subject_id BLOB,
    measure TEXT NOT NULL CHECK (measure IN ('cost', 'tokens')),
    period TEXT NOT NULL CHECK (period IN ('day', 'month')),
    zone TEXT NOT NULL,
    amount INTEGER NOT NULL CHECK (amount > 0),
    warn_at TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    ended_at INTEGER,
    idempotency_key TEXT,
    fingerprint BLOB,
    UNIQUE (workspace_id, idempotency_key),
    CHECK ((subject_id IS NOT NULL) = (subject IN ('user', 'key'))),
    CHECK ((idempotency_key IS NULL) = (fingerprint IS NULL))
) STRICT, WITHOUT ROWID;

-- What is used and set aside in a period, by each owner: the sums of the entries, and of those that were folded.
CREATE TABLE budget_use (
    budget_id BLOB NOT NULL,
    period_at INTEGER NOT NULL,
    owner_id BLOB NOT NULL,
    used INTEGER NOT NULL CHECK (used >= 0),
    reserved INTEGER NOT NULL CHECK (reserved >= 0),
    folded INTEGER NOT NULL CHECK (folded >= 0),
    warned INTEGER NOT NULL,
    PRIMARY KEY (budget_id, period_at, owner_id)
) STRICT, WITHOUT ROWID;

-- Each generation's part. What its calls had used before the budget knew it does not count.
CREATE TABLE budget_entries (
    generation_id BLOB NOT NULL,
    budget_id BLOB NOT NULL,
    period_at INTEGER NOT NULL,
    owner_id BLOB NOT NULL,
    used INTEGER NOT NULL CHECK (used >= 0),
    reserved INTEGER NOT NULL CHECK (reserved >= 0),
    used_before INTEGER NOT NULL CHECK (used_before >= 0),
    PRIMARY KEY (generation_id, budget_id)
) STRICT, WITHOUT ROWID;

-- Jobs: many generations that were asked for together. A job's counts are those of its items, always; the check says so.
CREATE TABLE job_list (
    id BLOB NOT NULL PRIMARY KEY,
    workspace_id BLOB NOT NULL,
    user_id BLOB NOT NULL,
    user_external TEXT NOT NULL,
    key_id BLOB,
    name TEXT,
    recipe TEXT NOT NULL,
    spec TEXT NOT NULL,
    dedupe_key TEXT,
    created_at INTEGER NOT NULL,
    status TEXT NOT NULL CHECK (
        status = 'pending' OR status = 'running' OR status = 'paused' OR status = 'completed' OR status = 'failed'
        OR status = 'cancelled'
    ),
    -- It was cancelled, and waits for the ends of its items.
    stopping INTEGER NOT NULL CHECK (stopping IN (0, 1)),
    note_code TEXT,
    note TEXT,
    total INTEGER NOT NULL CHECK (total > 0),
    pending INTEGER NOT NULL CHECK (pending >= 0),
    processing INTEGER NOT NULL CHECK (processing >= 0),
    completed INTEGER NOT NULL CHECK (completed >= 0),
    failed INTEGER NOT NULL CHECK (failed >= 0),
    skipped INTEGER NOT NULL CHECK (skipped >= 0),
    cancelled INTEGER NOT NULL CHECK (cancelled >= 0),
    spent_nanousd INTEGER NOT NULL,
    unpriced INTEGER NOT NULL,
    cost_max_nanousd INTEGER CHECK (cost_max_nanousd >= 0),
    revision INTEGER NOT NULL,
    started_at INTEGER,
    updated_at INTEGER NOT NULL,
    finished_at INTEGER,
    told_at INTEGER,
    CONSTRAINT job_equation CHECK (total = pending + processing + completed + failed + skipped + cancelled),
    CHECK ((note_code IS NULL) = (note IS NULL)),
    CHECK ((finished_at IS NOT NULL) = (status = 'completed' OR status = 'failed' OR status = 'cancelled')),
    CHECK (finished_at IS NULL OR (pending = 0 AND processing = 0 AND stopping = 0))
) STRICT, WITHOUT ROWID;

CREATE INDEX job_list_by_workspace ON job_list (workspace_id, id);
CREATE INDEX job_list_alive ON job_list (id) WHERE finished_at IS NULL;

-- Jobs to be, whose items are being staged. One that is never sealed goes, with its items.
CREATE TABLE job_staging (
    job_id BLOB NOT NULL PRIMARY KEY,
    workspace_id BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE job_items (
    job_id BLOB NOT NULL,
    seq INTEGER NOT NULL CHECK (seq > 0),
    workspace_id BLOB NOT NULL,
    custom_id TEXT NOT NULL,
    status TEXT NOT NULL CHECK (
        status = 'pending' OR status = 'processing' OR status = 'completed' OR status = 'failed' OR status = 'skipped'
        OR status = 'cancelled'
    ),
    generation_id BLOB,
    draft_id BLOB,
    note_code TEXT,
    note TEXT,
    -- To be tried with instead of the job's.
    model TEXT,
    PRIMARY KEY (job_id, seq),
    CHECK (generation_id IS NOT NULL OR (status <> 'processing' AND status <> 'completed'))
) STRICT, WITHOUT ROWID;

CREATE INDEX job_items_by_status ON job_items (job_id, status, seq);

-- What is asked for. Never updated.
CREATE TABLE job_inputs (
    job_id BLOB NOT NULL,
    seq INTEGER NOT NULL,
    request TEXT NOT NULL,
    PRIMARY KEY (job_id, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE job_keys (
    workspace_id BLOB NOT NULL,
    idempotency_key TEXT NOT NULL,
    fingerprint BLOB NOT NULL,
    job_id BLOB NOT NULL,
    deduplicated INTEGER NOT NULL CHECK (deduplicated IN (0, 1)),
    PRIMARY KEY (workspace_id, idempotency_key)
) STRICT, WITHOUT ROWID;

-- The dedupe keys of jobs that have not ended.
CREATE TABLE job_live_keys (
    workspace_id BLOB NOT NULL,
    dedupe_key TEXT NOT NULL,
    job_id BLOB NOT NULL UNIQUE,
    PRIMARY KEY (workspace_id, dedupe_key)
) STRICT, WITHOUT ROWID;

-- Prospects: whom outreach mails are written to. The wide columns stand last, so that a scan does not read them.
CREATE TABLE prospect_list (
    workspace_id BLOB NOT NULL,
    id BLOB NOT NULL,
    -- What makes it this one: its external id, else its address, else its texts.
    identity TEXT NOT NULL,
    -- The external id of its draft.
    draft_name TEXT NOT NULL,
    verification TEXT NOT NULL CHECK (
        verification = 'unverified' OR verification = 'verified' OR verification = 'rejected' OR verification = 'unknown'
    ),
    import_id BLOB,
    revision INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    deleted_at INTEGER,
    external_id TEXT,
    name TEXT,
    company TEXT,
    contact_email TEXT,
    website TEXT,
    category TEXT,
    source_type TEXT,
    notes TEXT,
    -- Why its verification is what it is, and how many of its revisions are the domain check's own.
    verification_reason TEXT,
    judged INTEGER NOT NULL DEFAULT 0,
    facts TEXT NOT NULL,
    -- When a mail to it was last taken by the mail server, and the newest draft that was sent.
    sent_at INTEGER,
    sent_draft_id BLOB,
    -- Since when it is known to have answered.
    answered_at INTEGER,
    PRIMARY KEY (workspace_id, id)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX prospect_list_identity ON prospect_list (workspace_id, identity) WHERE deleted_at IS NULL;
-- Skipping and numbering read this one alone. `deleted_at` stands in both, or SQLite looks it up in the table, row by row.
CREATE INDEX prospect_list_order ON prospect_list (workspace_id, id, deleted_at) WHERE deleted_at IS NULL;
-- All that counting needs.
CREATE INDEX prospect_list_alive ON prospect_list (
    workspace_id, id, verification, contact_email, source_type, draft_name, sent_at, sent_draft_id, answered_at, deleted_at
) WHERE deleted_at IS NULL;
CREATE INDEX prospect_list_import ON prospect_list (workspace_id, import_id, id)
    WHERE import_id IS NOT NULL AND deleted_at IS NULL;

CREATE TABLE prospect_imports (
    workspace_id BLOB NOT NULL,
    id BLOB NOT NULL,
    name TEXT,
    created INTEGER NOT NULL CHECK (created >= 0),
    updated INTEGER NOT NULL CHECK (updated >= 0),
    unchanged INTEGER NOT NULL CHECK (unchanged >= 0),
    skipped INTEGER NOT NULL CHECK (skipped >= 0),
    removed INTEGER NOT NULL CHECK (removed BETWEEN 0 AND created),
    created_at INTEGER NOT NULL,
    finished_at INTEGER,
    undone_at INTEGER,
    PRIMARY KEY (workspace_id, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE prospect_import_skips (
    import_id BLOB NOT NULL,
    line INTEGER NOT NULL,
    code TEXT NOT NULL,
    detail TEXT NOT NULL,
    row TEXT NOT NULL,
    PRIMARY KEY (import_id, line)
) STRICT, WITHOUT ROWID;

-- Bulk actions: one action on many generations or drafts. The counts are those of the items, always; the check says so.
CREATE TABLE bulk_list (
    id BLOB NOT NULL PRIMARY KEY,
    workspace_id BLOB NOT NULL,
    -- Whose things it may touch; none is everybody's.
    user_id BLOB,
    key_id BLOB,
    action TEXT NOT NULL CHECK (
        action = 'cancel' OR action = 'retry' OR action = 'approve' OR action = 'reject' OR action = 'delete'
        OR action = 'undelete' OR action = 'export'
    ),
    kind TEXT NOT NULL CHECK (kind = 'generations' OR kind = 'drafts'),
    spec TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    idempotency_key TEXT,
    fingerprint BLOB,
    status TEXT NOT NULL CHECK (
        status = 'gathering' OR status = 'running' OR status = 'completed' OR status = 'cancelled'
    ),
    -- Where gathering goes on.
    walk TEXT,
    total INTEGER NOT NULL,
    open INTEGER NOT NULL CHECK (open >= 0),
    done INTEGER NOT NULL CHECK (done >= 0),
    skipped INTEGER NOT NULL CHECK (skipped >= 0),
    failed INTEGER NOT NULL CHECK (failed >= 0),
    note_code TEXT,
    note TEXT,
    updated_at INTEGER NOT NULL,
    finished_at INTEGER,
    told_at INTEGER,
    CONSTRAINT bulk_equation CHECK (total = open + done + skipped + failed),
    CHECK ((idempotency_key IS NULL) = (fingerprint IS NULL)),
    CHECK ((note_code IS NULL) = (note IS NULL)),
    CHECK ((walk IS NOT NULL) = (status = 'gathering')),
    CHECK ((finished_at IS NOT NULL) = (status = 'completed' OR status = 'cancelled')),
    CHECK (status <> 'completed' OR open = 0)
) STRICT, WITHOUT ROWID;

CREATE INDEX bulk_list_by_workspace ON bulk_list (workspace_id, id);
CREATE INDEX bulk_list_alive ON bulk_list (id) WHERE finished_at IS NULL;
CREATE UNIQUE INDEX bulk_list_by_key ON bulk_list (workspace_id, idempotency_key) WHERE idempotency_key IS NOT NULL;

CREATE TABLE bulk_items (
    bulk_id BLOB NOT NULL,
    -- The generation or draft.
    item_id BLOB NOT NULL,
    outcome TEXT NOT NULL CHECK (outcome = 'open' OR outcome = 'done' OR outcome = 'skipped' OR outcome = 'failed'),
    note_code TEXT,
    note TEXT,
    -- The generation that a retry made.
    made_id BLOB,
    PRIMARY KEY (bulk_id, item_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX bulk_items_by_outcome ON bulk_items (bulk_id, outcome, item_id);

-- Numbers rise in the order of the commits and are a reader's cursor, so none is ever used twice: the writer continues
-- after the largest one, which retention therefore never removes.
CREATE TABLE events (
    workspace_id BLOB NOT NULL,
    seq INTEGER NOT NULL,
    kind TEXT NOT NULL,
    generation_id BLOB,
    draft_id BLOB,
    user_id BLOB,
    created_at INTEGER NOT NULL,
    data TEXT NOT NULL,
    PRIMARY KEY (workspace_id, seq)
) STRICT, WITHOUT ROWID;

-- The highest number that was removed for its age.
CREATE TABLE events_removed (
    workspace_id BLOB NOT NULL PRIMARY KEY,
    seq INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- By generation, the one event of its end: neighbours by id end at about the same time, so it dirties few pages.
CREATE INDEX events_ends ON events (generation_id)
    WHERE kind = 'generation.completed' OR kind = 'generation.failed' OR kind = 'generation.cancelled';

-- Files ------------------------------------------------------------------------------------------------------------------
-- Put here by callers, to be used by id. Their bytes are in the asset store, under `path`. One that has expired has no
-- bytes any more; its row is remembered for a while.
CREATE TABLE files (
    id BLOB NOT NULL PRIMARY KEY,
    workspace_id BLOB NOT NULL,
    user_id BLOB,
    user_external TEXT,
    key_id BLOB,
    name TEXT NOT NULL,
    media_type TEXT NOT NULL,
    bytes INTEGER NOT NULL CHECK (bytes > 0),
    sha256 BLOB NOT NULL CHECK (length(sha256) = 32),
    path TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    idempotency_key TEXT,
    fingerprint BLOB,
    UNIQUE (workspace_id, idempotency_key),
    CHECK ((user_id IS NULL) = (user_external IS NULL)),
    CHECK ((idempotency_key IS NULL) = (fingerprint IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX files_by_workspace ON files (workspace_id, id);
-- What is kept is counted in it alone.
CREATE INDEX files_kept ON files (workspace_id, expires_at, bytes);
CREATE INDEX files_by_expiry ON files (expires_at);

-- Profiles ---------------------------------------------------------------------------------------------------------------
-- Fields of a recipe's input for requests that leave them out. A user of zeros is everybody.
CREATE TABLE profiles (
    id BLOB NOT NULL PRIMARY KEY,
    workspace_id BLOB NOT NULL,
    recipe TEXT NOT NULL,
    user_id BLOB NOT NULL,
    user_external TEXT,
    fields TEXT NOT NULL,
    revision INTEGER NOT NULL CHECK (revision > 0),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    UNIQUE (workspace_id, recipe, user_id),
    CHECK ((user_external IS NULL) = (user_id = x'00000000000000000000000000000000'))
) STRICT;
CREATE INDEX profiles_by_workspace ON profiles (workspace_id, id);

-- Feedback ---------------------------------------------------------------------------------------------------------------
-- What users think of parts of their drafts; an empty part is the whole. It stays when a draft is deleted.
CREATE TABLE feedback (
    id BLOB NOT NULL PRIMARY KEY,
    workspace_id BLOB NOT NULL,
    draft_id BLOB NOT NULL,
    version INTEGER NOT NULL CHECK (version > 0),
    user_id BLOB NOT NULL,
    recipe TEXT NOT NULL,
    part TEXT NOT NULL,
    heading TEXT NOT NULL,
    vote TEXT NOT NULL CHECK (vote = 'up' OR vote = 'down'),
    comment TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    UNIQUE (draft_id, version, part)
) STRICT;
CREATE INDEX feedback_by_workspace ON feedback (workspace_id, id);
CREATE INDEX feedback_by_user ON feedback (workspace_id, user_id, recipe, updated_at);

-- Webhooks ---------------------------------------------------------------------------------------------------------------
-- Addresses that are told of events; without an address, the one for those of single requests. Secrets are sealed.
CREATE TABLE webhooks (
    id BLOB NOT NULL PRIMARY KEY,
    workspace_id BLOB NOT NULL,
    url TEXT,
    events TEXT NOT NULL,
    description TEXT NOT NULL,
    secret BLOB NOT NULL,
    old_secret BLOB,
    old_secret_until INTEGER,
    -- What it was told of up to that event, before its kinds were changed.
    old_events TEXT,
    old_events_to INTEGER,
    since_seq INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    disabled_at INTEGER,
    disabled_why TEXT CHECK (disabled_why IN ('by_hand', 'gone', 'failing')),
    failing_since INTEGER,
    removed_at INTEGER,
    CHECK ((old_secret IS NULL) = (old_secret_until IS NULL)),
    CHECK ((old_events IS NULL) = (old_events_to IS NULL)),
    CHECK ((disabled_at IS NULL) = (disabled_why IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX webhooks_by_workspace ON webhooks (workspace_id, id);
CREATE UNIQUE INDEX webhooks_of_requests ON webhooks (workspace_id) WHERE url IS NULL AND removed_at IS NULL;

-- How far each workspace's events were turned into messages, and a count of the changes of its endpoints.
CREATE TABLE webhook_feeds (
    workspace_id BLOB NOT NULL PRIMARY KEY,
    seq INTEGER NOT NULL,
    epoch INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Where a request asked its own events to be sent.
CREATE TABLE request_webhooks (
    workspace_id BLOB NOT NULL,
    generation_id BLOB NOT NULL,
    url TEXT NOT NULL,
    events TEXT NOT NULL,
    PRIMARY KEY (workspace_id, generation_id)
) STRICT, WITHOUT ROWID;

-- Messages. One waits while it has a time when it is due, which is the end of the lease while somebody sends it.
CREATE TABLE webhook_deliveries (
    workspace_id BLOB NOT NULL,
    id BLOB NOT NULL,
    webhook_id BLOB NOT NULL,
    seq INTEGER,
    kind TEXT NOT NULL,
    url TEXT,
    lane_id BLOB NOT NULL,
    body TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    attempt INTEGER NOT NULL CHECK (attempt >= 0),
    round INTEGER NOT NULL CHECK (round BETWEEN 0 AND attempt),
    due_at INTEGER,
    ended_at INTEGER,
    ended_how TEXT CHECK (ended_how IN ('delivered', 'given_up', 'dropped')),
    PRIMARY KEY (workspace_id, id),
    CHECK ((due_at IS NULL) = (ended_at IS NOT NULL)),
    CHECK ((ended_at IS NULL) = (ended_how IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX webhook_deliveries_lanes ON webhook_deliveries (workspace_id, lane_id, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX webhook_deliveries_of ON webhook_deliveries (workspace_id, webhook_id, id);

-- Every lane with a message that waits, and when to look at it: never later than the first of its messages is due.
CREATE TABLE webhook_lanes (
    workspace_id BLOB NOT NULL,
    lane_id BLOB NOT NULL,
    due_at INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, lane_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX webhook_lanes_due ON webhook_lanes (due_at, workspace_id, lane_id);

-- The log: what came of each attempt.
CREATE TABLE webhook_attempts (
    workspace_id BLOB NOT NULL,
    delivery_id BLOB NOT NULL,
    attempt INTEGER NOT NULL,
    at INTEGER NOT NULL,
    ms INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    status INTEGER,
    detail TEXT,
    PRIMARY KEY (workspace_id, delivery_id, attempt)
) STRICT, WITHOUT ROWID;

-- How far the background audit is, and which node does it until when. One row, from the first claim on. Places are bytes
-- in the order of keys.
CREATE TABLE audit_round (
    id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    node_id BLOB NOT NULL,
    held_until INTEGER NOT NULL,
    began_at INTEGER NOT NULL,
    ended_at INTEGER,
    rounds INTEGER NOT NULL,
    space TEXT NOT NULL,
    after_place BLOB NOT NULL,
    fresh_place BLOB NOT NULL,
    proved INTEGER NOT NULL,
    proved_before INTEGER NOT NULL
) STRICT;

-- What the background audit found. A row stays when it is gone.
CREATE TABLE audit_findings (
    check_name TEXT NOT NULL,
    place BLOB NOT NULL,
    subject TEXT NOT NULL,
    space TEXT NOT NULL,
    workspace_id BLOB,
    detail TEXT NOT NULL,
    first_seen_at INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL,
    gone_at INTEGER,
    PRIMARY KEY (check_name, place, subject)
) STRICT, WITHOUT ROWID;

CREATE INDEX audit_findings_open ON audit_findings (space, place) WHERE gone_at IS NULL;

CREATE TABLE nodes (
    id BLOB NOT NULL PRIMARY KEY,
    label TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    beat_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE pauses (
    what TEXT NOT NULL PRIMARY KEY,
    since_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Never the secret. `manages_keys` says whether the scopes hold keys:write: the last such key is not given up.
CREATE TABLE api_keys (
    id BLOB NOT NULL PRIMARY KEY,
    workspace_id BLOB NOT NULL,
    name TEXT NOT NULL,
    secret_hash BLOB NOT NULL UNIQUE,
    shown TEXT NOT NULL,
    mode TEXT NOT NULL CHECK (mode IN ('live', 'test')),
    role TEXT,
    scopes TEXT,
    user_external TEXT,
    recipes TEXT,
    models TEXT,
    requests_per_minute INTEGER CHECK (requests_per_minute > 0),
    concurrent_max INTEGER CHECK (concurrent_max > 0),
    manages_keys INTEGER NOT NULL CHECK (manages_keys IN (0, 1)),
    revision INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    revoked_at INTEGER,
    replaced_by BLOB,
    last_used_at INTEGER,
    last_used_from TEXT,
    last_used_by TEXT,
    CHECK ((role IS NULL) <> (scopes IS NULL))
) STRICT, WITHOUT ROWID;

CREATE INDEX api_keys_by_workspace ON api_keys (workspace_id, id);

-- People who sign in: users with an e-mail and a role.
CREATE TABLE logins (
    workspace_id BLOB NOT NULL,
    user_id BLOB NOT NULL,
    email TEXT NOT NULL,
    name TEXT,
    role TEXT NOT NULL,
    password_hash TEXT,
    disabled_at INTEGER,
    revision INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    last_sign_in_at INTEGER,
    PRIMARY KEY (workspace_id, user_id),
    UNIQUE (workspace_id, email)
) STRICT, WITHOUT ROWID;

-- One-time links; of their secret only the hash.
CREATE TABLE links (
    id BLOB NOT NULL PRIMARY KEY,
    workspace_id BLOB NOT NULL,
    token_hash BLOB NOT NULL UNIQUE,
    purpose TEXT NOT NULL,
    email TEXT,
    role TEXT,
    user_external TEXT,
    made_by TEXT NOT NULL,
    login_revision INTEGER,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at INTEGER,
    revoked_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX links_by_workspace ON links (workspace_id, purpose, id);
CREATE INDEX links_by_end ON links (expires_at);

-- Who is signed in; of the cookie only the hash.
CREATE TABLE sign_ins (
    id BLOB NOT NULL PRIMARY KEY,
    workspace_id BLOB NOT NULL,
    user_id BLOB NOT NULL,
    token_hash BLOB NOT NULL UNIQUE,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL,
    from_address TEXT NOT NULL,
    client TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX sign_ins_by_user ON sign_ins (workspace_id, user_id, id);

CREATE TABLE canary (
    id INTEGER NOT NULL PRIMARY KEY,
    at INTEGER NOT NULL
) STRICT;

-- Sources ----------------------------------------------------------------------------------------------------------------
-- Where items of newsletters come from: an address, or a text. A user of zeros is everybody. The state follows from
-- `paused_at`, `error_code` and `fetched_at`; `leased_until` is the lease of who fetches it, and the fence of his write.
CREATE TABLE sources (
    id BLOB NOT NULL PRIMARY KEY,
    workspace_id BLOB NOT NULL,
    user_id BLOB NOT NULL,
    user_external TEXT,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    url TEXT,
    body TEXT,
    schedule TEXT NOT NULL,
    error_code TEXT,
    error_message TEXT,
    error_since INTEGER,
    failures INTEGER NOT NULL,
    fetched_at INTEGER,
    next_at INTEGER,
    leased_until INTEGER,
    paused_at INTEGER,
    etag TEXT,
    last_modified TEXT,
    feed_url TEXT,
    fetches INTEGER NOT NULL,
    new_items INTEGER NOT NULL,
    revision INTEGER NOT NULL CHECK (revision > 0),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    CONSTRAINT sources_user_whole CHECK ((user_external IS NULL) = (user_id = x'00000000000000000000000000000000')),
    CONSTRAINT sources_one_origin CHECK ((url IS NULL) <> (body IS NULL)),
    CONSTRAINT sources_fetched CHECK ((url IS NULL) = (next_at IS NULL))
) STRICT;
CREATE INDEX sources_by_workspace ON sources (workspace_id, id);
CREATE INDEX sources_by_user ON sources (workspace_id, user_id);
CREATE INDEX sources_due ON sources (next_at) WHERE paused_at IS NULL;

-- What sources told of, each once by its key. `at` orders: published, or where nothing says when, first seen.
CREATE TABLE source_items (
    id BLOB NOT NULL PRIMARY KEY,
    workspace_id BLOB NOT NULL,
    source_id BLOB NOT NULL,
    key TEXT NOT NULL,
    title TEXT NOT NULL,
    link TEXT,
    body TEXT,
    published_at INTEGER,
    at INTEGER NOT NULL,
    seen_at INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    UNIQUE (source_id, key)
) STRICT;
CREATE INDEX source_items_by_workspace ON source_items (workspace_id, id);
CREATE INDEX source_items_by_age ON source_items (source_id, at);
CREATE INDEX source_items_unseen ON source_items (last_seen_at);

-- What came of the last fetches of each source.
CREATE TABLE source_fetches (
    source_id BLOB NOT NULL,
    number INTEGER NOT NULL,
    at INTEGER NOT NULL,
    ms INTEGER NOT NULL,
    status INTEGER,
    fetched INTEGER NOT NULL,
    new_items INTEGER NOT NULL,
    updated_items INTEGER NOT NULL,
    error_code TEXT,
    error_message TEXT,
    PRIMARY KEY (source_id, number)
) STRICT, WITHOUT ROWID;

-- Mail --------------------------------------------------------------------------------------------------------------------
-- Mails that were ordered together. The counts are those of the mails, always; the check says so.
CREATE TABLE mailings (
    workspace_id BLOB NOT NULL,
    id BLOB NOT NULL,
    kind TEXT NOT NULL CHECK (kind = 'outreach' OR kind = 'newsletter' OR kind = 'test'),
    -- What its unsubscribe links are signed with.
    secret BLOB NOT NULL CHECK (length(secret) = 32),
    spec TEXT NOT NULL,
    single INTEGER NOT NULL CHECK (single = 0 OR single = 1),
    again INTEGER NOT NULL CHECK (again = 0 OR again = 1),
    -- Of a newsletter: to which list, what, and who was the last on it when it was ordered.
    list TEXT,
    draft_id BLOB,
    version INTEGER,
    until_id BLOB,
    -- How far the list was walked; null when all mails are there.
    walk BLOB,
    -- It is taken back, and some mails have yet to be.
    cancelling INTEGER NOT NULL CHECK (cancelling = 0 OR cancelling = 1),
    -- How far its failed mails were looked at, while they are being sent again.
    retry_walk BLOB,
    created_at INTEGER NOT NULL,
    idempotency_key TEXT,
    fingerprint BLOB,
    total INTEGER NOT NULL,
    queued INTEGER NOT NULL CHECK (queued >= 0),
    sending INTEGER NOT NULL CHECK (sending >= 0),
    sent INTEGER NOT NULL CHECK (sent >= 0),
    failed INTEGER NOT NULL CHECK (failed >= 0),
    unknown INTEGER NOT NULL CHECK (unknown >= 0),
    cancelled INTEGER NOT NULL CHECK (cancelled >= 0),
    skipped INTEGER NOT NULL CHECK (skipped >= 0),
    paused_at INTEGER,
    finished_at INTEGER,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, id),
    CONSTRAINT mailings_equation CHECK (total = queued + sending + sent + failed + unknown + cancelled + skipped),
    CHECK ((idempotency_key IS NULL) = (fingerprint IS NULL)),
    CHECK ((finished_at IS NOT NULL) = (queued + sending = 0 AND walk IS NULL AND retry_walk IS NULL)),
    CHECK ((list IS NULL) = (draft_id IS NULL) AND (list IS NULL) = (version IS NULL) AND (list IS NULL) = (until_id IS NULL)),
    CHECK (walk IS NULL OR list IS NOT NULL),
    CHECK (cancelling = 0 OR queued > 0 AND walk IS NULL AND retry_walk IS NULL)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX mailings_by_key ON mailings (workspace_id, idempotency_key) WHERE idempotency_key IS NOT NULL;
-- The auditor walks them.
CREATE INDEX mailings_by_id ON mailings (id);
-- Those with something to do that nobody holds back.
CREATE INDEX mailings_at_work ON mailings (single DESC, id) WHERE finished_at IS NULL AND paused_at IS NULL AND cancelling = 0;
-- Those whose mails are still being written, taken back or sent again.
CREATE INDEX mailings_unfinished ON mailings (id) WHERE walk IS NOT NULL OR cancelling = 1 OR retry_walk IS NOT NULL;

-- One mail to one address. `sending` is committed before the mail server is called.
CREATE TABLE mails (
    workspace_id BLOB NOT NULL,
    id BLOB NOT NULL,
    mailing_id BLOB NOT NULL,
    kind TEXT NOT NULL CHECK (kind = 'outreach' OR kind = 'newsletter' OR kind = 'test'),
    prospect_id BLOB,
    subscriber_id BLOB,
    list TEXT,
    draft_id BLOB,
    version INTEGER,
    name TEXT,
    address TEXT NOT NULL,
    -- The address in small letters.
    recipient TEXT NOT NULL,
    message_id TEXT NOT NULL UNIQUE,
    reason TEXT,
    created_at INTEGER NOT NULL,
    status TEXT NOT NULL CHECK (
        status = 'queued' OR status = 'sending' OR status = 'sent' OR status = 'failed' OR status = 'unknown'
        OR status = 'cancelled' OR status = 'skipped'
    ),
    -- Whether it stands in the way of another mail of the same version to the same address.
    holds INTEGER NOT NULL CHECK (holds = (status <> 'cancelled' AND status <> 'skipped' AND kind <> 'test')),
    tries INTEGER NOT NULL CHECK (tries >= 0),
    round INTEGER NOT NULL CHECK (round BETWEEN 0 AND tries),
    due_at INTEGER NOT NULL,
    node_id BLOB,
    claimed_at INTEGER,
    reply_code INTEGER,
    reply TEXT,
    ended_at INTEGER,
    PRIMARY KEY (workspace_id, id),
    CHECK ((status = 'skipped') = (reason IS NOT NULL)),
    CHECK (holds = 0 OR draft_id IS NOT NULL),
    CHECK ((draft_id IS NULL) = (version IS NULL)),
    CHECK ((ended_at IS NULL) = (status = 'queued' OR status = 'sending')),
    CHECK (status <> 'sending' OR node_id IS NOT NULL)
) STRICT, WITHOUT ROWID;

-- Nobody gets a version twice.
CREATE UNIQUE INDEX mails_once ON mails (workspace_id, draft_id, recipient, version) WHERE holds = 1;
CREATE INDEX mails_by_mailing ON mails (workspace_id, mailing_id, id);
CREATE INDEX mails_due ON mails (workspace_id, mailing_id, due_at, id) WHERE status = 'queued';
-- What a prospect was told.
CREATE INDEX mails_sent ON mails (workspace_id, prospect_id, ended_at) WHERE status = 'sent';
CREATE INDEX mails_sending ON mails (node_id, id) WHERE status = 'sending';

-- Who gets a newsletter. Whether somebody gets something is read from the suppressions.
CREATE TABLE subscribers (
    workspace_id BLOB NOT NULL,
    id BLOB NOT NULL,
    list TEXT NOT NULL CHECK (list <> ''),
    address TEXT NOT NULL,
    -- The address in small letters.
    recipient TEXT NOT NULL CHECK (recipient <> ''),
    name TEXT,
    external_id TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, id)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX subscribers_once ON subscribers (workspace_id, list, recipient);
CREATE INDEX subscribers_by_list ON subscribers (workspace_id, list, id);

-- Who wants nothing: of one list, or of everything where the list is empty.
CREATE TABLE suppressions (
    workspace_id BLOB NOT NULL,
    id BLOB NOT NULL,
    recipient TEXT NOT NULL CHECK (recipient <> ''),
    list TEXT NOT NULL,
    address TEXT NOT NULL,
    reason TEXT NOT NULL,
    mail_id BLOB,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, id)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX suppressions_once ON suppressions (workspace_id, recipient, list);

-- What went today and when the next one may go; one row, shared by all processes.
CREATE TABLE mail_pace (
    id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    day_at INTEGER NOT NULL,
    taken INTEGER NOT NULL CHECK (taken >= 0),
    next_at INTEGER NOT NULL
) STRICT;

-- Views with the names people know. Ids are dashed text, times RFC 3339.
CREATE VIEW llm_usage_logs AS
SELECT u.external_id AS user_id,
       c.model AS model,
       CASE WHEN c.tokens_input IS NULL AND c.tokens_output IS NULL THEN NULL
            ELSE coalesce(c.tokens_input, 0) + coalesce(c.tokens_output, 0) END AS tokens_used,
       c.tokens_input AS prompt_tokens,
       c.tokens_output AS completion_tokens,
       c.duration_ms AS duration_ms,
       -- The caller's own, and what made the call.
       json_patch(i.metadata, json_object(
           'service', c.service,
           'operation', c.operation,
           'generation_id', substr(lower(hex(c.generation_id)), 1, 8) || '-' || substr(lower(hex(c.generation_id)), 9, 4) || '-' || substr(lower(hex(c.generation_id)), 13, 4) || '-' || substr(lower(hex(c.generation_id)), 17, 4) || '-' || substr(lower(hex(c.generation_id)), 21),
           'draft_id', substr(lower(hex(c.draft_id)), 1, 8) || '-' || substr(lower(hex(c.draft_id)), 9, 4) || '-' || substr(lower(hex(c.draft_id)), 13, 4) || '-' || substr(lower(hex(c.draft_id)), 17, 4) || '-' || substr(lower(hex(c.draft_id)), 21)
       )) AS metadata,
       strftime('%Y-%m-%dT%H:%M:%S', c.opened_at / 1000000, 'unixepoch') || printf('.%06dZ', c.opened_at % 1000000) AS created_at
FROM calls c
JOIN users u ON u.workspace_id = c.workspace_id AND u.id = c.user_id
JOIN inputs i ON i.generation_id = c.generation_id
WHERE c.closed_at IS NOT NULL;

CREATE VIEW usage_logs AS
SELECT c.service AS service,
       c.operation AS operation,
       CASE WHEN c.tokens_input IS NULL AND c.tokens_output IS NULL THEN NULL
            ELSE coalesce(c.tokens_input, 0) + coalesce(c.tokens_output, 0) END AS tokens,
       c.cost_nanousd / 1000000000.0 AS cost_usd,
       strftime('%Y-%m-%dT%H:%M:%S', c.opened_at / 1000000, 'unixepoch') || printf('.%06dZ', c.opened_at % 1000000) AS created_at
FROM calls c
WHERE c.closed_at IS NOT NULL;

-- By days of UTC, from the totals: it costs a look at their history and outlives the calls. What a day used is what there
-- was at its end less what there was at the end of the last one before it that has anything.
CREATE VIEW daily_usage_summary AS
SELECT date(days.day * 86400, 'unixepoch') AS date,
       days.service AS service,
       days.operation AS operation,
       sum(days.calls - days.calls_before) AS count,
       sum(days.tokens - days.tokens_before) AS total_tokens,
       sum(days.cost_nanousd - days.cost_before) / 1000000000.0 AS total_cost
FROM (
    SELECT d.day, d.calls, d.tokens, d.cost_nanousd, s.service, s.operation,
           lag(d.calls, 1, 0) OVER w AS calls_before,
           lag(d.tokens, 1, 0) OVER w AS tokens_before,
           lag(d.cost_nanousd, 1, 0) OVER w AS cost_before
    FROM (
        SELECT series_no, bucket_at / 86400000000 AS day, max(calls) AS calls,
               max(tokens_input + tokens_output) AS tokens, max(cost_nanousd) AS cost_nanousd
        FROM (
            SELECT series_no, bucket_at, calls, tokens_input, tokens_output, cost_nanousd FROM usage_history
            UNION ALL
            SELECT series_no, bucket_at, calls, tokens_input, tokens_output, cost_nanousd FROM usage_totals
        )
        GROUP BY series_no, bucket_at / 86400000000
    ) d
    JOIN usage_series s ON s.no = d.series_no
    WHERE s.cuboid = 4
    WINDOW w AS (PARTITION BY d.series_no ORDER BY d.day)
) days
GROUP BY days.day, days.service, days.operation
HAVING sum(days.calls - days.calls_before) > 0;

CREATE VIEW newsletter_drafts AS
SELECT substr(lower(hex(d.id)), 1, 8) || '-' || substr(lower(hex(d.id)), 9, 4) || '-' || substr(lower(hex(d.id)), 13, 4) || '-' || substr(lower(hex(d.id)), 17, 4) || '-' || substr(lower(hex(d.id)), 21) AS id,
       u.external_id AS user_id,
       d.title AS title,
       d.status AS status,
       strftime('%Y-%m-%dT%H:%M:%S', d.generated_at / 1000000, 'unixepoch') || printf('.%06dZ', d.generated_at % 1000000) AS generated_at
FROM drafts d
JOIN users u ON u.workspace_id = d.workspace_id AND u.id = d.user_id
WHERE d.recipe = 'newsletter' AND d.deleted_at IS NULL;

CREATE VIEW jobs AS
SELECT substr(lower(hex(j.id)), 1, 8) || '-' || substr(lower(hex(j.id)), 9, 4) || '-' || substr(lower(hex(j.id)), 13, 4) || '-' || substr(lower(hex(j.id)), 17, 4) || '-' || substr(lower(hex(j.id)), 21) AS id,
       'draft' AS job_type,
       j.recipe AS recipe,
       j.user_external AS user_id,
       j.status AS status,
       j.total AS total_targets,
       j.completed AS drafts_created,
       strftime('%Y-%m-%dT%H:%M:%S', coalesce(j.started_at, j.created_at) / 1000000, 'unixepoch') || printf('.%06dZ', coalesce(j.started_at, j.created_at) % 1000000) AS started_at,
       strftime('%Y-%m-%dT%H:%M:%S', j.updated_at / 1000000, 'unixepoch') || printf('.%06dZ', j.updated_at % 1000000) AS updated_at,
       j.note AS error_message
FROM job_list j;

CREATE VIEW prospects AS
SELECT substr(lower(hex(p.id)), 1, 8) || '-' || substr(lower(hex(p.id)), 9, 4) || '-' || substr(lower(hex(p.id)), 13, 4) || '-' || substr(lower(hex(p.id)), 17, 4) || '-' || substr(lower(hex(p.id)), 21) AS id,
       p.external_id AS external_id,
       p.name AS name,
       p.company AS company,
       p.contact_email AS contact_email,
       p.website AS website,
       p.category AS category,
       p.verification AS verification_status,
       p.source_type AS source_type,
       v.title AS draft_subject,
       v.body AS draft_body,
       CASE
           WHEN trim(v.title, char(32, 9, 10, 13)) <> '' AND trim(v.body, char(32, 9, 10, 13)) <> '' THEN 'drafted'
           ELSE d.status
       END AS draft_status,
       strftime('%Y-%m-%dT%H:%M:%S', p.created_at / 1000000, 'unixepoch') || printf('.%06dZ', p.created_at % 1000000) AS created_at,
       strftime('%Y-%m-%dT%H:%M:%S', p.updated_at / 1000000, 'unixepoch') || printf('.%06dZ', p.updated_at % 1000000) AS updated_at
FROM prospect_list p
LEFT JOIN drafts d ON d.workspace_id = p.workspace_id AND d.id = (
    SELECT x.id FROM drafts x INDEXED BY drafts_external
    WHERE x.workspace_id = p.workspace_id AND x.external_id = p.draft_name AND x.deleted_at IS NULL
    ORDER BY x.id DESC LIMIT 1
)
LEFT JOIN versions v ON v.draft_id = d.id AND v.number = d.current_version
WHERE p.deleted_at IS NULL;

CREATE VIEW generation_status AS
SELECT substr(lower(hex(g.id)), 1, 8) || '-' || substr(lower(hex(g.id)), 9, 4) || '-' || substr(lower(hex(g.id)), 13, 4) || '-' || substr(lower(hex(g.id)), 17, 4) || '-' || substr(lower(hex(g.id)), 21) AS id,
       substr(lower(hex(g.workspace_id)), 1, 8) || '-' || substr(lower(hex(g.workspace_id)), 9, 4) || '-' || substr(lower(hex(g.workspace_id)), 13, 4) || '-' || substr(lower(hex(g.workspace_id)), 17, 4) || '-' || substr(lower(hex(g.workspace_id)), 21) AS workspace_id,
       substr(lower(hex(g.draft_id)), 1, 8) || '-' || substr(lower(hex(g.draft_id)), 9, 4) || '-' || substr(lower(hex(g.draft_id)), 13, 4) || '-' || substr(lower(hex(g.draft_id)), 17, 4) || '-' || substr(lower(hex(g.draft_id)), 21) AS draft_id,
       s.status AS status,
       s.waits_for AS waits_for,
       s.attempt AS attempt,
       s.spent AS spent,
       s.row_version AS row_version,
       substr(lower(hex(s.node_id)), 1, 8) || '-' || substr(lower(hex(s.node_id)), 9, 4) || '-' || substr(lower(hex(s.node_id)), 13, 4) || '-' || substr(lower(hex(s.node_id)), 17, 4) || '-' || substr(lower(hex(s.node_id)), 21) AS node_id,
       strftime('%Y-%m-%dT%H:%M:%S', g.accepted_at / 1000000, 'unixepoch') || printf('.%06dZ', g.accepted_at % 1000000) AS accepted_at,
       strftime('%Y-%m-%dT%H:%M:%S', g.deadline_at / 1000000, 'unixepoch') || printf('.%06dZ', g.deadline_at % 1000000) AS deadline_at,
       strftime('%Y-%m-%dT%H:%M:%S', s.finished_at / 1000000, 'unixepoch') || printf('.%06dZ', s.finished_at % 1000000) AS finished_at
FROM generations g
JOIN (
    SELECT id, 'pending' AS status, 'turn' AS waits_for, attempt, spent, row_version,
           NULL AS node_id, NULL AS finished_at FROM ready
    UNION ALL
    SELECT id, 'pending', reason, attempt, spent, row_version, NULL, NULL FROM parked
    UNION ALL
    SELECT id, 'processing', NULL, attempt, spent, row_version, node_id, NULL FROM runs
    UNION ALL
    SELECT id, status, NULL, attempt, spent, row_version, NULL, finished_at FROM outcomes
) s ON s.id = g.id;

-- Schedules --------------------------------------------------------------------------------------------------------------
-- Generations that recur. While one is active it knows when its next result is to be ready, and when that begins.
CREATE TABLE schedules (
    id BLOB NOT NULL PRIMARY KEY,
    workspace_id BLOB NOT NULL,
    user_id BLOB NOT NULL,
    user_external TEXT NOT NULL,
    key_id BLOB,
    name TEXT,
    recipe TEXT NOT NULL,
    spec TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('active', 'paused', 'broken')),
    note_code TEXT,
    note TEXT,
    ready_at INTEGER,
    start_at INTEGER,
    failures INTEGER NOT NULL CHECK (failures >= 0),
    skipped_at INTEGER,
    revision INTEGER NOT NULL CHECK (revision > 0),
    idempotency_key TEXT,
    fingerprint BLOB,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    UNIQUE (workspace_id, idempotency_key),
    CHECK ((ready_at IS NULL) = (start_at IS NULL)),
    CHECK ((state = 'active') = (ready_at IS NOT NULL)),
    CHECK ((note_code IS NULL) = (note IS NULL)),
    CHECK ((idempotency_key IS NULL) = (fingerprint IS NULL))
) STRICT;
CREATE INDEX schedules_by_workspace ON schedules (workspace_id, id);
CREATE INDEX schedules_due ON schedules (start_at) WHERE start_at IS NOT NULL;

-- What became of their times, the last hundred of each.
CREATE TABLE schedule_runs (
    schedule_id BLOB NOT NULL,
    seq INTEGER NOT NULL CHECK (seq > 0),
    workspace_id BLOB NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('planned', 'catch_up', 'by_hand')),
    ready_at INTEGER NOT NULL,
    made_at INTEGER NOT NULL,
    outcome TEXT NOT NULL CHECK (outcome IN ('made', 'refused', 'skipped')),
    missed INTEGER NOT NULL CHECK (missed >= 0),
    generation_id BLOB,
    draft_id BLOB,
    note_code TEXT,
    note TEXT,
    PRIMARY KEY (schedule_id, seq),
    UNIQUE (schedule_id, generation_id),
    CHECK ((outcome = 'made') = (generation_id IS NOT NULL)),
    CHECK ((generation_id IS NULL) = (draft_id IS NULL)),
    CHECK ((note_code IS NULL) = (note IS NULL))
) STRICT, WITHOUT ROWID;
