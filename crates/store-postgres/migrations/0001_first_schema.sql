-- Differs from SQLite: types of its own, identity columns, storage settings.

create table workspaces (
  id uuid primary key,
  name text not null,
  created_at timestamptz not null
);

insert into workspaces (id, name, created_at)
values ('01900000-0000-7000-8000-000000000001', 'default', '1970-01-01T00:00:00Z');

create table users (
  workspace_id uuid not null,
  id uuid not null,
  external_id text not null,
  created_at timestamptz not null,
  primary key (workspace_id, id)
);

-- ------------------------------------------------------------------ drafts
-- No index on a column that changes, and room in each page for the two updates of a first generation: they stay inside
-- their page (HOT). Measured at 80: 30 % of them did.
create table drafts (
  id uuid primary key,
  workspace_id uuid not null,
  user_id uuid not null,
  recipe text not null,
  title text not null,
  status text not null check (status in ('pending', 'processing', 'draft', 'published', 'failed', 'cancelled')),
  review text not null check (review in ('none', 'approved', 'rejected')),
  review_reason text, -- what the reviewer said of the current version
  current_version bigint not null default 0,
  version_count bigint not null default 0,
  live_generation_id uuid,
  external_id text,
  revision bigint not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  generated_at timestamptz,
  published_at timestamptz,
  deleted_at timestamptz,
  constraint drafts_published_when check ((published_at is not null) = (status = 'published')),
  constraint drafts_current_exists check (current_version between 0 and version_count)
) with (fillfactor = 50);
create index drafts_by_workspace on drafts (workspace_id, id);
create index drafts_by_user on drafts (workspace_id, user_id, id);
create index drafts_by_external_id on drafts (workspace_id, external_id) where external_id is not null;

create table versions (
  draft_id uuid not null,
  number bigint not null check (number > 0),
  workspace_id uuid not null,
  generation_id uuid,
  origin text not null check (origin in ('generated', 'fallback', 'stopped', 'edited', 'restored')),
  reason text,
  form text not null,
  title text not null,
  body text not null,
  words bigint not null,
  hash bytea not null,
  provenance text not null,
  created_at timestamptz not null,
  primary key (draft_id, number)
);
create unique index versions_one_per_generation on versions (generation_id);

-- The files of versions. Their bytes are in the asset store, under `path`. Few versions have any.
create table assets (
  id uuid primary key,
  workspace_id uuid not null,
  generation_id uuid not null,
  draft_id uuid not null,
  version bigint not null,
  seq bigint not null check (seq > 0),
  media_type text not null,
  bytes bigint not null check (bytes > 0),
  sha256 bytea not null,
  path text not null,
  created_at timestamptz not null
);
create unique index assets_once on assets (generation_id, seq);

-- ------------------------------------------------------------------ generations
-- What was agreed at accept; never updated, but for a deadline that is moved by hand.
create table generations (
  id uuid primary key,
  workspace_id uuid not null,
  draft_id uuid not null,
  user_id uuid not null,
  -- Who asked, where a key is needed.
  key_id uuid,
  recipe text not null,
  recipe_version text not null,
  model text not null,
  step text not null,
  queue_id integer not null,
  target text,
  dedupe_key text,
  priority integer not null,
  base_version bigint not null,
  accepted_at timestamptz not null,
  run_at timestamptz,
  deadline_at timestamptz not null,
  attempt_timeout_us bigint not null,
  max_attempts bigint not null,
  attempts_per_model bigint not null,
  hold bigint not null check (hold >= 0),
  -- How a metered price follows from the cost: micro-credits per dollar, basis points, micro-credits.
  metered_per_usd bigint,
  metered_margin bigint,
  metered_min bigint,
  -- The most it may cost the operator, in nano-dollars; null is no cap.
  cost_max bigint check (cost_max >= 0),
  -- What it changes of the recipe's parameters, as JSON.
  params text,
  input_bytes bigint not null,
  -- The item of a job it was made of.
  job_id uuid,
  job_seq bigint,
  constraint generations_item_whole check ((job_id is null) = (job_seq is null)),
  constraint generations_metered_whole check (
    (metered_per_usd is null) = (metered_margin is null) and (metered_per_usd is null) = (metered_min is null))
);
create index generations_by_workspace on generations (workspace_id, id);
create index generations_by_draft on generations (draft_id);
create index generations_by_user on generations (workspace_id, user_id, id);
create index generations_by_job on generations (job_id, id) where job_id is not null;

create table inputs (
  generation_id uuid primary key,
  workspace_id uuid not null,
  input text not null,
  metadata text not null,
  -- Which fields of the input a profile filled: a JSON list.
  filled text
);

-- The live part: a generation is in exactly one of ready, parked, runs, outcomes.
-- Rows of ready are inserted and deleted, and never updated but for a deadline that is moved by hand.
create table ready (
  queue_id integer not null,
  sort_key bigint not null,
  id uuid primary key,
  workspace_id uuid not null,
  attempt bigint not null,
  spent bigint not null,
  row_version bigint not null,
  deadline_at timestamptz not null,
  model text not null,
  step text not null,
  last_error_code text,
  last_error text
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000,
        autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 100000,
        autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 50000, autovacuum_vacuum_cost_delay = 0);
create index ready_by_place on ready (queue_id, sort_key, id);
create index ready_by_deadline on ready (deadline_at);

create table parked (
  id uuid primary key,
  workspace_id uuid not null,
  queue_id integer not null,
  sort_key bigint not null,
  attempt bigint not null,
  spent bigint not null,
  row_version bigint not null,
  deadline_at timestamptz not null,
  model text not null,
  step text not null,
  reason text not null check (reason in ('scheduled', 'backing_off', 'target', 'held')),
  not_before_at timestamptz,
  target text,
  last_error_code text,
  last_error text,
  constraint parked_until check ((not_before_at is null) = (reason in ('target', 'held'))),
  constraint parked_target check ((target is not null) = (reason = 'target'))
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000,
        autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 100000,
        autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 50000, autovacuum_vacuum_cost_delay = 0);
create index parked_by_due on parked (not_before_at) where not_before_at is not null;
create index parked_by_target on parked (workspace_id, target, sort_key, id) where reason = 'target';
create index parked_by_deadline on parked (deadline_at);

create table runs (
  id uuid primary key,
  workspace_id uuid not null,
  queue_id integer not null,
  sort_key bigint not null,
  attempt bigint not null,
  spent bigint not null,
  row_version bigint not null,
  deadline_at timestamptz not null,
  model text not null,
  step text not null,
  node_id uuid not null,
  claimed_at timestamptz not null,
  attempt_deadline_at timestamptz not null,
  call_id uuid not null,
  -- It waits for a job at the provider: counted in its lanes and not in the global limit.
  waiting boolean not null default false,
  last_error_code text,
  last_error text
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000,
        autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 100000,
        autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 50000, autovacuum_vacuum_cost_delay = 0);
create index runs_by_queue on runs (queue_id);
create index runs_by_node on runs (node_id);
create index runs_by_attempt_deadline on runs (attempt_deadline_at);
create index runs_by_deadline on runs (deadline_at);

create table outcomes (
  id uuid primary key,
  workspace_id uuid not null,
  user_id uuid not null,
  status text not null check (status in ('completed', 'failed', 'cancelled')),
  attempt bigint not null,
  spent bigint not null,
  row_version bigint not null,
  started_at timestamptz,
  finished_at timestamptz not null,
  settled bigint not null check (settled >= 0),
  version bigint,
  origin text,
  error_code text,
  error text,
  error_detail text,
  constraint outcomes_version_when check ((status = 'completed') = (version is not null)),
  constraint outcomes_error_when check ((status = 'failed') = (error_code is not null))
);
create index outcomes_by_status on outcomes (workspace_id, status, id);

-- ------------------------------------------------------------------ the queue's frame
create table queues (
  id integer generated always as identity primary key,
  workspace_id uuid not null,
  recipe text not null,
  provider text not null,
  model text not null,
  -- The route has a further model, so a cooldown of this one holds nothing back.
  onward boolean not null
);
create unique index queues_one_per_lane_set on queues (workspace_id, recipe, model, onward);

-- Models and providers with which something is wrong: `model:provider/model` or `provider:provider`. No row is healthy.
create table health (
  name text primary key,
  failures bigint not null,
  opened bigint not null,
  open_until timestamptz,
  since_at timestamptz not null,
  code text not null,
  message text not null
) with (fillfactor = 50);

-- Prices set while the program ran; only ever appended to. Of the rows of a model that have begun, the newest holds. A
-- row without a price ends what was set before.
create table prices (
  number bigint generated always as identity primary key,
  model text not null,
  from_at timestamptz not null,
  version text,
  rates text,
  created_at timestamptz not null,
  constraint prices_end_or_price check ((version is null) = (rates is null))
);

-- What each rate lane has paid: the instants at which its requests and tokens so far are paid off.
create table rates (
  lane text primary key,
  requests_at timestamptz not null,
  tokens_at timestamptz not null
) with (fillfactor = 10);

-- The virtual time of each queue, and as queue 0 the common one. No row is time 0.
create table clock (
  queue_id integer primary key check (queue_id >= 0),
  virtual_time bigint not null
) with (fillfactor = 10);

-- Where, in its virtual time, a user's last generation of a queue ends.
create table fair (
  queue_id integer not null,
  user_id uuid not null,
  finish bigint not null,
  primary key (queue_id, user_id)
) with (fillfactor = 50);

create table live_targets (
  workspace_id uuid not null,
  target text not null,
  generation_id uuid not null,
  primary key (workspace_id, target)
) with (fillfactor = 50);

create table live_keys (
  workspace_id uuid not null,
  dedupe_key text not null,
  generation_id uuid not null,
  draft_id uuid not null,
  primary key (workspace_id, dedupe_key)
);

create table idempotency (
  workspace_id uuid not null,
  owner text not null,
  route text not null,
  key text not null,
  fingerprint bytea not null,
  generation_id uuid not null,
  draft_id uuid not null,
  deduplicated boolean not null,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  primary key (workspace_id, owner, route, key)
);

create table steps (
  generation_id uuid not null,
  seq bigint not null,
  name text not null,
  output text not null,
  cost_nanousd bigint,
  workspace_id uuid not null,
  finished_at timestamptz not null,
  primary key (generation_id, seq)
);
create unique index steps_once on steps (generation_id, name);

-- ------------------------------------------------------------------ usage and money
create table calls (
  id uuid primary key,
  workspace_id uuid not null,
  user_id uuid not null,
  draft_id uuid not null,
  generation_id uuid not null,
  attempt bigint not null,
  service text not null,
  operation text not null,
  provider text not null,
  model text not null,
  opened_at timestamptz not null,
  closed_at timestamptz,
  outcome text check (outcome in ('ok', 'failed', 'cancelled', 'lost', 'late', 'not_sent')),
  tokens_input bigint,
  tokens_output bigint,
  tokens_cached bigint,
  tokens_reasoning bigint,
  tokens_cache_write bigint,
  tokens_cache_write_1h bigint,
  tokens_input_image bigint,
  tokens_output_image bigint,
  images bigint,
  video_seconds bigint,
  requests bigint,
  estimated boolean not null default false,
  cost_nanousd bigint,
  cost_status text,
  price_version text,
  duration_ms bigint,
  first_token_ms bigint,
  http_status integer,
  provider_request_id text,
  served_model text,
  error_code text,
  error text,
  constraint calls_closed_when check ((closed_at is null) = (outcome is null))
) with (fillfactor = 80);
create index calls_by_workspace on calls (workspace_id, id);
create index calls_by_generation on calls (generation_id);
create index calls_by_user on calls (workspace_id, user_id, id);
create index calls_open on calls (opened_at) where closed_at is null;

-- Totals of the closed calls (docs/adr/0015-cumulative-totals.md). A series is whose calls are counted together; what it
-- does not tell apart is empty, and `cuboid` says what that is.
create table usage_series (
  no bigint generated always as identity primary key,
  workspace_id uuid not null,
  cuboid bigint not null,
  user_id uuid not null,
  service text not null,
  operation text not null,
  model text not null
);
create unique index usage_series_once on usage_series (workspace_id, cuboid, user_id, service, operation, model);

-- All there was up to now; the newest call lies in the quarter of an hour that begins at `bucket_at`. Few rows that change
-- with every batch: room for many versions of each in its page.
create table usage_totals (
  series_no bigint primary key,
  bucket_at timestamptz not null,
  calls bigint not null,
  failed bigint not null,
  estimated bigint not null,
  unpriced bigint not null,
  tokens_input bigint not null,
  tokens_output bigint not null,
  tokens_cached bigint not null,
  tokens_cache_write bigint not null,
  tokens_reasoning bigint not null,
  images bigint not null,
  video_seconds bigint not null,
  cost_nanousd bigint not null,
  duration_ms bigint not null
) with (fillfactor = 25);

-- All there was up to the end of an earlier quarter, for those in which something was counted.
create table usage_history (
  series_no bigint not null,
  bucket_at timestamptz not null,
  calls bigint not null,
  failed bigint not null,
  estimated bigint not null,
  unpriced bigint not null,
  tokens_input bigint not null,
  tokens_output bigint not null,
  tokens_cached bigint not null,
  tokens_cache_write bigint not null,
  tokens_reasoning bigint not null,
  images bigint not null,
  video_seconds bigint not null,
  cost_nanousd bigint not null,
  duration_ms bigint not null,
  primary key (series_no, bucket_at)
);

-- What calls that were removed for their age had used: totals are the sum of the calls that are there and of these.
create table usage_pruned (
  workspace_id uuid primary key,
  calls bigint not null,
  failed bigint not null,
  estimated bigint not null,
  unpriced bigint not null,
  tokens_input bigint not null,
  tokens_output bigint not null,
  tokens_cached bigint not null,
  tokens_cache_write bigint not null,
  tokens_reasoning bigint not null,
  images bigint not null,
  video_seconds bigint not null,
  cost_nanousd bigint not null,
  duration_ms bigint not null
);

-- Up to when calls and events may have been removed.
create table retention (
  what text primary key check (what in ('calls', 'events', 'deliveries')),
  before_at timestamptz not null
);

create table accounts (
  workspace_id uuid not null,
  user_id uuid not null,
  available bigint not null check (available >= 0),
  held bigint not null check (held >= 0),
  -- How many lots there are, so that nobody looks for those of a user who has none.
  lots bigint not null check (lots >= 0),
  chain_seq bigint not null,
  chain_hash bytea not null,
  primary key (workspace_id, user_id)
) with (fillfactor = 50);

create table transfers (
  id uuid primary key,
  workspace_id uuid not null,
  user_id uuid not null,
  kind text not null check (kind in ('grant', 'hold', 'settle', 'release', 'refund', 'purchase', 'adjust_up',
    'adjust_down', 'gift_sent', 'gift_received', 'expire', 'absorb')),
  debit_account text not null,
  credit_account text not null,
  amount bigint not null check (amount > 0),
  generation_id uuid,
  reference text,
  reason text,
  peer_id uuid,
  expires_at timestamptz,
  created_at timestamptz not null,
  -- The user's balances right after it.
  available_after bigint not null,
  held_after bigint not null,
  chain_seq bigint not null,
  chain_hash bytea not null,
  constraint transfers_two_sides check (debit_account <> credit_account)
);
create unique index transfers_once_per_generation on transfers (generation_id, kind)
  where kind in ('hold', 'settle', 'release', 'absorb');
-- Both rows of a gift have its reference.
create unique index transfers_once_per_reference on transfers (workspace_id, reference)
  where reference is not null and kind <> 'gift_received';
create unique index transfers_in_chain on transfers (workspace_id, user_id, chain_seq);
create index transfers_by_generation on transfers (generation_id) where generation_id is not null;
create index transfers_by_workspace on transfers (workspace_id, id);
-- Few: both sides of a gift are found by either.
create index transfers_gifts on transfers (workspace_id, user_id, reference) where kind in ('gift_sent', 'gift_received');

-- What is left of grants and purchases that expire. What is used up is gone.
create table lots (
  workspace_id uuid not null,
  user_id uuid not null,
  expires_at timestamptz not null,
  transfer_id uuid not null,
  remaining bigint not null check (remaining > 0),
  primary key (workspace_id, user_id, expires_at, transfer_id)
) with (fillfactor = 50);
create index lots_by_expiry on lots (expires_at);

-- What was posted under a client's own key.
create table post_keys (
  workspace_id uuid not null,
  owner text not null,
  route text not null,
  key text not null,
  fingerprint bytea not null,
  transfer_id uuid not null,
  expires_at timestamptz not null,
  primary key (workspace_id, owner, route, key)
);

-- ------------------------------------------------------------------ budgets
-- What may be used in a day or a month of a zone. Amounts are nano-dollars or tokens, as the measure says. Only the
-- limit, the shares and the end ever change.
create table budgets (
  id uuid primary key,
  workspace_id uuid not null,
  subject text not null check (subject in ('workspace', 'each_user', 'user', 'each_key', 'key')),
  subject_id uuid,
  measure text not null check (measure in ('cost', 'tokens')),
  period text not null check (period in ('day', 'month')),
  zone text not null,
  amount bigint not null check (amount > 0),
  warn_at text not null,
  created_at timestamptz not null,
  ended_at timestamptz,
  idempotency_key text,
  fingerprint bytea,
  unique (workspace_id, idempotency_key),
  constraint budgets_subject_named check ((subject_id is not null) = (subject in ('user', 'key'))),
  constraint budgets_key_whole check ((idempotency_key is null) = (fingerprint is null))
);

-- What is used and set aside in a period, by each owner: the sums of the entries, and of those that were folded.
create table budget_use (
  budget_id uuid not null,
  period_at timestamptz not null,
  owner_id uuid not null,
  used bigint not null check (used >= 0),
  reserved bigint not null check (reserved >= 0),
  folded bigint not null check (folded >= 0),
  warned integer not null,
  primary key (budget_id, period_at, owner_id)
) with (fillfactor = 50);

-- Each generation's part. What its calls had used before the budget knew it does not count.
create table budget_entries (
  generation_id uuid not null,
  budget_id uuid not null,
  period_at timestamptz not null,
  owner_id uuid not null,
  used bigint not null check (used >= 0),
  reserved bigint not null check (reserved >= 0),
  used_before bigint not null check (used_before >= 0),
  primary key (generation_id, budget_id)
) with (fillfactor = 70);

-- ------------------------------------------------------------------ jobs
-- Many generations that were asked for together. A job's counts are those of its items, always; the check says so.
create table job_list (
  id uuid primary key,
  workspace_id uuid not null,
  user_id uuid not null,
  user_external text not null,
  key_id uuid,
  name text,
  recipe text not null,
  spec text not null,
  dedupe_key text,
  created_at timestamptz not null,
  status text not null check (status in ('pending', 'running', 'paused', 'completed', 'failed', 'cancelled')),
  -- It was cancelled, and waits for the ends of its items.
  stopping boolean not null,
  note_code text,
  note text,
  total bigint not null check (total > 0),
  pending bigint not null check (pending >= 0),
  processing bigint not null check (processing >= 0),
  completed bigint not null check (completed >= 0),
  failed bigint not null check (failed >= 0),
  skipped bigint not null check (skipped >= 0),
  cancelled bigint not null check (cancelled >= 0),
  spent_nanousd bigint not null,
  unpriced bigint not null,
  cost_max_nanousd bigint check (cost_max_nanousd >= 0),
  revision bigint not null,
  started_at timestamptz,
  updated_at timestamptz not null,
  finished_at timestamptz,
  told_at timestamptz,
  constraint job_equation check (total = pending + processing + completed + failed + skipped + cancelled),
  constraint job_note_whole check ((note_code is null) = (note is null)),
  constraint job_finished_at_its_end check (
    (finished_at is not null) = (status in ('completed', 'failed', 'cancelled'))),
  constraint job_finished_without_open_items check (
    finished_at is null or (pending = 0 and processing = 0 and not stopping))
) with (fillfactor = 50);
create index job_list_by_workspace on job_list (workspace_id, id);
create index job_list_alive on job_list (id) where finished_at is null;

-- Jobs to be, whose items are being staged. One that is never sealed goes, with its items.
create table job_staging (
  job_id uuid primary key,
  workspace_id uuid not null
);

create table job_items (
  job_id uuid not null,
  seq bigint not null check (seq > 0),
  workspace_id uuid not null,
  custom_id text not null,
  status text not null check (
    status in ('pending', 'processing', 'completed', 'failed', 'skipped', 'cancelled')),
  generation_id uuid,
  draft_id uuid,
  note_code text,
  note text,
  -- To be tried with instead of the job's.
  model text,
  primary key (job_id, seq),
  constraint job_items_made check (generation_id is not null or status not in ('processing', 'completed'))
) with (fillfactor = 70);
create index job_items_by_status on job_items (job_id, status, seq);

-- What is asked for. Never updated.
create table job_inputs (
  job_id uuid not null,
  seq bigint not null,
  request text not null,
  primary key (job_id, seq)
);

create table job_keys (
  workspace_id uuid not null,
  idempotency_key text not null,
  fingerprint bytea not null,
  job_id uuid not null,
  deduplicated boolean not null,
  primary key (workspace_id, idempotency_key)
);

-- The dedupe keys of jobs that have not ended.
create table job_live_keys (
  workspace_id uuid not null,
  dedupe_key text not null,
  job_id uuid not null unique,
  primary key (workspace_id, dedupe_key)
);

-- Prospects: whom outreach mails are written to.
create table prospect_list (
    workspace_id uuid not null,
    id uuid not null,
    -- What makes it this one: its external id, else its address, else its texts.
    identity text not null,
    -- The external id of its draft.
    draft_name text not null,
    verification text not null check (verification in ('unverified', 'verified', 'rejected', 'unknown')),
    import_id uuid,
    revision bigint not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    deleted_at timestamptz,
    external_id text,
    name text,
    company text,
    contact_email text,
    website text,
    category text,
    source_type text,
    notes text,
    -- Why its verification is what it is, and how many of its revisions are the domain check's own.
    verification_reason text,
    judged bigint not null default 0,
    facts text not null,
    -- When a mail to it was last taken by the mail server, and the newest draft that was sent.
    sent_at timestamptz,
    sent_draft_id uuid,
    -- Since when it is known to have answered.
    answered_at timestamptz,
    primary key (workspace_id, id)
);
create unique index prospect_list_identity on prospect_list (workspace_id, identity) where deleted_at is null;
-- All that counting and skipping need.
create index prospect_list_alive on prospect_list (workspace_id, id)
    include (verification, contact_email, source_type, draft_name, sent_at, sent_draft_id, answered_at) where deleted_at is null;
create index prospect_list_import on prospect_list (workspace_id, import_id, id)
    where import_id is not null and deleted_at is null;

create table prospect_imports (
    workspace_id uuid not null,
    id uuid not null,
    name text,
    created bigint not null check (created >= 0),
    updated bigint not null check (updated >= 0),
    unchanged bigint not null check (unchanged >= 0),
    skipped bigint not null check (skipped >= 0),
    removed bigint not null check (removed between 0 and created),
    created_at timestamptz not null,
    finished_at timestamptz,
    undone_at timestamptz,
    primary key (workspace_id, id)
);

create table prospect_import_skips (
    import_id uuid not null,
    line bigint not null,
    code text not null,
    detail text not null,
    "row" text not null,
    primary key (import_id, line)
);

-- Bulk actions: one action on many generations or drafts. The counts are those of the items, always; the check says so.
create table bulk_list (
  id uuid primary key,
  workspace_id uuid not null,
  -- Whose things it may touch; none is everybody's.
  user_id uuid,
  key_id uuid,
  action text not null check (action in ('cancel', 'retry', 'approve', 'reject', 'delete', 'undelete', 'export')),
  kind text not null check (kind in ('generations', 'drafts')),
  spec text not null,
  created_at timestamptz not null,
  idempotency_key text,
  fingerprint bytea,
  status text not null check (status in ('gathering', 'running', 'completed', 'cancelled')),
  -- Where gathering goes on.
  walk text,
  total bigint not null,
  open bigint not null check (open >= 0),
  done bigint not null check (done >= 0),
  skipped bigint not null check (skipped >= 0),
  failed bigint not null check (failed >= 0),
  note_code text,
  note text,
  updated_at timestamptz not null,
  finished_at timestamptz,
  told_at timestamptz,
  constraint bulk_equation check (total = open + done + skipped + failed),
  constraint bulk_key_whole check ((idempotency_key is null) = (fingerprint is null)),
  constraint bulk_note_whole check ((note_code is null) = (note is null)),
  constraint bulk_walks_while_gathering check ((walk is not null) = (status = 'gathering')),
  constraint bulk_finished_at_its_end check ((finished_at is not null) = (status in ('completed', 'cancelled'))),
  constraint bulk_completed_without_open_items check (status <> 'completed' or open = 0)
) with (fillfactor = 50);
create index bulk_list_by_workspace on bulk_list (workspace_id, id);
create index bulk_list_alive on bulk_list (id) where finished_at is null;
create unique index bulk_list_by_key on bulk_list (workspace_id, idempotency_key) where idempotency_key is not null;

create table bulk_items (
  bulk_id uuid not null,
  -- The generation or draft.
  item_id uuid not null,
  outcome text not null check (outcome in ('open', 'done', 'skipped', 'failed')),
  note_code text,
  note text,
  -- The generation that a retry made.
  made_id uuid,
  primary key (bulk_id, item_id)
) with (fillfactor = 70);
create index bulk_items_by_outcome on bulk_items (bulk_id, outcome, item_id);

-- ------------------------------------------------------------------ the installation
-- Identity values become visible out of order; how readers skip none: `sql/events/open.sql`.
create table events (
  seq bigint generated always as identity primary key,
  workspace_id uuid not null,
  kind text not null,
  generation_id uuid,
  draft_id uuid,
  user_id uuid,
  created_at timestamptz not null,
  data text not null
);
create index events_by_workspace on events (workspace_id, seq);
-- By generation, the one event of its end.
create index events_ends on events (generation_id)
  where kind in ('generation.completed', 'generation.failed', 'generation.cancelled');

-- ------------------------------------------------------------------ files
-- Put here by callers, to be used by id. Their bytes are in the asset store, under `path`. One that has expired has no
-- bytes any more; its row is remembered for a while.
create table files (
  id uuid primary key,
  workspace_id uuid not null,
  user_id uuid,
  user_external text,
  key_id uuid,
  name text not null,
  media_type text not null,
  bytes bigint not null check (bytes > 0),
  sha256 bytea not null check (length(sha256) = 32),
  path text not null,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  idempotency_key text,
  fingerprint bytea,
  unique (workspace_id, idempotency_key),
  constraint files_user_whole check ((user_id is null) = (user_external is null)),
  constraint files_key_whole check ((idempotency_key is null) = (fingerprint is null))
);
create index files_by_workspace on files (workspace_id, id);
-- What is kept is counted in it alone.
create index files_kept on files (workspace_id, expires_at, bytes);
create index files_by_expiry on files (expires_at);

-- Profiles ---------------------------------------------------------------------------------------------------------------
-- Fields of a recipe's input for requests that leave them out. A user of zeros is everybody.
create table profiles (
  id uuid primary key,
  workspace_id uuid not null,
  recipe text not null,
  user_id uuid not null,
  user_external text,
  fields text not null,
  revision bigint not null check (revision > 0),
  created_at timestamptz not null,
  updated_at timestamptz not null,
  unique (workspace_id, recipe, user_id),
  constraint profiles_user_whole check ((user_external is null) = (user_id = '00000000-0000-0000-0000-000000000000'))
);
create index profiles_by_workspace on profiles (workspace_id, id);

-- Feedback ---------------------------------------------------------------------------------------------------------------
-- What users think of parts of their drafts; an empty part is the whole. It stays when a draft is deleted.
create table feedback (
  id uuid primary key,
  workspace_id uuid not null,
  draft_id uuid not null,
  version bigint not null check (version > 0),
  user_id uuid not null,
  recipe text not null,
  part text not null,
  heading text not null,
  vote text not null check (vote in ('up', 'down')),
  comment text,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  unique (draft_id, version, part)
);
create index feedback_by_workspace on feedback (workspace_id, id);
create index feedback_by_user on feedback (workspace_id, user_id, recipe, updated_at);

-- Webhooks ---------------------------------------------------------------------------------------------------------------
-- Addresses that are told of events; without an address, the one for those of single requests. Secrets are sealed.
create table webhooks (
  id uuid primary key,
  workspace_id uuid not null,
  url text,
  events text not null,
  description text not null,
  secret bytea not null,
  old_secret bytea,
  old_secret_until timestamptz,
  -- What it was told of up to that event, before its kinds were changed.
  old_events text,
  old_events_to bigint,
  since_seq bigint not null,
  revision bigint not null,
  created_at timestamptz not null,
  disabled_at timestamptz,
  disabled_why text check (disabled_why in ('by_hand', 'gone', 'failing')),
  failing_since timestamptz,
  removed_at timestamptz,
  constraint webhooks_old_secret_whole check ((old_secret is null) = (old_secret_until is null)),
  constraint webhooks_old_events_whole check ((old_events is null) = (old_events_to is null)),
  constraint webhooks_disabled_whole check ((disabled_at is null) = (disabled_why is null))
);
create index webhooks_by_workspace on webhooks (workspace_id, id);
create unique index webhooks_of_requests on webhooks (workspace_id) where url is null and removed_at is null;

-- How far each workspace's events were turned into messages, and a count of the changes of its endpoints.
create table webhook_feeds (
  workspace_id uuid primary key,
  seq bigint not null,
  epoch bigint not null
);

-- Where a request asked its own events to be sent.
create table request_webhooks (
  workspace_id uuid not null,
  generation_id uuid not null,
  url text not null,
  events text not null,
  primary key (workspace_id, generation_id)
);

-- Messages. One waits while it has a time when it is due, which is the end of the lease while somebody sends it.
create table webhook_deliveries (
  workspace_id uuid not null,
  id uuid not null,
  webhook_id uuid not null,
  seq bigint,
  kind text not null,
  url text,
  lane_id uuid not null,
  body text not null,
  created_at timestamptz not null,
  attempt bigint not null check (attempt >= 0),
  round bigint not null check (round between 0 and attempt),
  due_at timestamptz,
  ended_at timestamptz,
  ended_how text check (ended_how in ('delivered', 'given_up', 'dropped')),
  primary key (workspace_id, id),
  constraint webhook_deliveries_one_state check ((due_at is null) = (ended_at is not null)),
  constraint webhook_deliveries_end_whole check ((ended_at is null) = (ended_how is null))
);
create index webhook_deliveries_lanes on webhook_deliveries (workspace_id, lane_id, due_at) where due_at is not null;
create index webhook_deliveries_of on webhook_deliveries (workspace_id, webhook_id, id);

-- Every lane with a message that waits, and when to look at it: never later than the first of its messages is due.
-- Whoever writes messages locks their lanes first.
create table webhook_lanes (
  workspace_id uuid not null,
  lane_id uuid not null,
  due_at timestamptz not null,
  primary key (workspace_id, lane_id)
);
create index webhook_lanes_due on webhook_lanes (due_at, workspace_id, lane_id);

-- The log: what came of each attempt.
create table webhook_attempts (
  workspace_id uuid not null,
  delivery_id uuid not null,
  attempt bigint not null,
  at timestamptz not null,
  ms bigint not null,
  outcome text not null,
  status bigint,
  detail text,
  primary key (workspace_id, delivery_id, attempt)
);

-- How far the background audit is, and which node does it until when. One row, from the first claim on. Places are bytes
-- in the order of keys.
create table audit_round (
  id integer primary key check (id = 1),
  node_id uuid not null,
  held_until timestamptz not null,
  began_at timestamptz not null,
  ended_at timestamptz,
  rounds bigint not null,
  space text not null,
  after_place bytea not null,
  fresh_place bytea not null,
  proved bigint not null,
  proved_before bigint not null
) with (fillfactor = 10);

-- What the background audit found. A row stays when it is gone.
create table audit_findings (
  check_name text not null,
  place bytea not null,
  subject text not null,
  space text not null,
  workspace_id uuid,
  detail text not null,
  first_seen_at timestamptz not null,
  last_seen_at timestamptz not null,
  gone_at timestamptz,
  primary key (check_name, place, subject)
);
create index audit_findings_open on audit_findings (space, place) where gone_at is null;

-- The highest number that was removed for its age.
create table events_removed (
  workspace_id uuid primary key,
  seq bigint not null
);

create table nodes (
  id uuid primary key,
  label text not null,
  started_at timestamptz not null,
  beat_at timestamptz not null
) with (fillfactor = 50);

create table pauses (
  what text primary key,
  since_at timestamptz not null
);

-- Never the secret. `manages_keys` says whether the scopes hold keys:write: the last such key is not given up.
create table api_keys (
  id uuid primary key,
  workspace_id uuid not null,
  name text not null,
  secret_hash bytea not null,
  shown text not null,
  mode text not null check (mode in ('live', 'test')),
  role text,
  scopes text,
  user_external text,
  recipes text,
  models text,
  requests_per_minute bigint check (requests_per_minute > 0),
  concurrent_max bigint check (concurrent_max > 0),
  manages_keys boolean not null,
  revision bigint not null,
  created_at timestamptz not null,
  expires_at timestamptz,
  revoked_at timestamptz,
  replaced_by uuid,
  last_used_at timestamptz,
  last_used_from text,
  last_used_by text,
  check ((role is null) <> (scopes is null))
);
create unique index api_keys_by_hash on api_keys (secret_hash);
create index api_keys_by_workspace on api_keys (workspace_id, id);

-- ------------------------------------------------------------------ people who sign in
-- Users with an e-mail and a role.
create table logins (
  workspace_id uuid not null,
  user_id uuid not null,
  email text not null,
  name text,
  role text not null,
  password_hash text,
  disabled_at timestamptz,
  revision bigint not null,
  created_at timestamptz not null,
  last_sign_in_at timestamptz,
  primary key (workspace_id, user_id)
);
create unique index logins_by_email on logins (workspace_id, email);

-- One-time links; of their secret only the hash.
create table links (
  id uuid primary key,
  workspace_id uuid not null,
  token_hash bytea not null,
  purpose text not null,
  email text,
  role text,
  user_external text,
  made_by text not null,
  login_revision bigint,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  used_at timestamptz,
  revoked_at timestamptz
);
create unique index links_by_hash on links (token_hash);
create index links_by_workspace on links (workspace_id, purpose, id);
create index links_by_end on links (expires_at);

-- Who is signed in; of the cookie only the hash.
create table sign_ins (
  id uuid primary key,
  workspace_id uuid not null,
  user_id uuid not null,
  token_hash bytea not null,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  last_seen_at timestamptz not null,
  from_address text not null,
  client text not null
);
create unique index sign_ins_by_hash on sign_ins (token_hash);
create index sign_ins_by_user on sign_ins (workspace_id, user_id, id);

create table canary (
  id bigint generated always as identity primary key,
  at timestamptz not null
);

-- Sources ----------------------------------------------------------------------------------------------------------------
-- Where items of newsletters come from: an address, or a text. A user of zeros is everybody. The state follows from
-- `paused_at`, `error_code` and `fetched_at`; `leased_until` is the lease of who fetches it, and the fence of his write.
create table sources (
  id uuid not null primary key,
  workspace_id uuid not null,
  user_id uuid not null,
  user_external text,
  kind text not null,
  name text not null,
  url text,
  body text,
  schedule text not null,
  error_code text,
  error_message text,
  error_since timestamptz,
  failures bigint not null,
  fetched_at timestamptz,
  next_at timestamptz,
  leased_until timestamptz,
  paused_at timestamptz,
  etag text,
  last_modified text,
  feed_url text,
  fetches bigint not null,
  new_items bigint not null,
  revision bigint not null check (revision > 0),
  created_at timestamptz not null,
  updated_at timestamptz not null,
  constraint sources_user_whole check ((user_external is null) = (user_id = '00000000-0000-0000-0000-000000000000')),
  constraint sources_one_origin check ((url is null) <> (body is null)),
  constraint sources_fetched check ((url is null) = (next_at is null))
);
create index sources_by_workspace on sources (workspace_id, id);
create index sources_by_user on sources (workspace_id, user_id);
create index sources_due on sources (next_at) where paused_at is null;

-- What sources told of, each once by its key. `at` orders: published, or where nothing says when, first seen.
create table source_items (
  id uuid not null primary key,
  workspace_id uuid not null,
  source_id uuid not null,
  key text not null,
  title text not null,
  link text,
  body text,
  published_at timestamptz,
  at timestamptz not null,
  seen_at timestamptz not null,
  last_seen_at timestamptz not null,
  changed_at timestamptz not null,
  unique (source_id, key)
);
create index source_items_by_workspace on source_items (workspace_id, id);
create index source_items_by_age on source_items (source_id, at);
create index source_items_unseen on source_items (last_seen_at);

-- What came of the last fetches of each source.
create table source_fetches (
  source_id uuid not null,
  number bigint not null,
  at timestamptz not null,
  ms bigint not null,
  status bigint,
  fetched bigint not null,
  new_items bigint not null,
  updated_items bigint not null,
  error_code text,
  error_message text,
  primary key (source_id, number)
);
-- Mail --------------------------------------------------------------------------------------------------------------------
-- Mails that were ordered together. The counts are those of the mails, always; the check says so.
create table mailings (
  workspace_id uuid not null,
  id uuid not null,
  kind text not null check (kind in ('outreach', 'newsletter', 'test')),
  -- What its unsubscribe links are signed with.
  secret bytea not null check (length(secret) = 32),
  spec text not null,
  single boolean not null,
  again boolean not null,
  -- Of a newsletter: to which list, what, and who was the last on it when it was ordered.
  list text,
  draft_id uuid,
  version integer,
  until_id uuid,
  -- How far the list was walked; null when all mails are there.
  walk uuid,
  -- It is taken back, and some mails have yet to be.
  cancelling boolean not null,
  -- How far its failed mails were looked at, while they are being sent again.
  retry_walk uuid,
  created_at timestamptz not null,
  idempotency_key text,
  fingerprint bytea,
  total bigint not null,
  queued bigint not null check (queued >= 0),
  sending bigint not null check (sending >= 0),
  sent bigint not null check (sent >= 0),
  failed bigint not null check (failed >= 0),
  unknown bigint not null check (unknown >= 0),
  cancelled bigint not null check (cancelled >= 0),
  skipped bigint not null check (skipped >= 0),
  paused_at timestamptz,
  finished_at timestamptz,
  updated_at timestamptz not null,
  primary key (workspace_id, id),
  constraint mailings_equation check (total = queued + sending + sent + failed + unknown + cancelled + skipped),
  constraint mailings_key_whole check ((idempotency_key is null) = (fingerprint is null)),
  constraint mailings_finished_without_open_mails check (
    (finished_at is not null) = (queued + sending = 0 and walk is null and retry_walk is null)
  ),
  constraint mailings_list_whole check (
    (list is null) = (draft_id is null) and (list is null) = (version is null) and (list is null) = (until_id is null)
  ),
  constraint mailings_walk_of_list check (walk is null or list is not null),
  constraint mailings_cancelling_what_waits check (not cancelling or queued > 0 and walk is null and retry_walk is null)
) with (fillfactor = 50);
create unique index mailings_by_key on mailings (workspace_id, idempotency_key) where idempotency_key is not null;
-- The auditor walks them.
create index mailings_by_id on mailings (id);
-- Those with something to do that nobody holds back.
create index mailings_at_work on mailings (single desc, id) where finished_at is null and paused_at is null and not cancelling;
-- Those whose mails are still being written, taken back or sent again.
create index mailings_unfinished on mailings (id) where walk is not null or cancelling or retry_walk is not null;

-- One mail to one address. `sending` is committed before the mail server is called.
create table mails (
  workspace_id uuid not null,
  id uuid not null,
  mailing_id uuid not null,
  kind text not null check (kind in ('outreach', 'newsletter', 'test')),
  prospect_id uuid,
  subscriber_id uuid,
  list text,
  draft_id uuid,
  version integer,
  name text,
  address text not null,
  -- The address in small letters.
  recipient text not null,
  message_id text not null unique,
  reason text,
  created_at timestamptz not null,
  status text not null check (status in ('queued', 'sending', 'sent', 'failed', 'unknown', 'cancelled', 'skipped')),
  -- Whether it stands in the way of another mail of the same version to the same address.
  holds boolean not null,
  tries integer not null check (tries >= 0),
  round integer not null,
  due_at timestamptz not null,
  node_id uuid,
  claimed_at timestamptz,
  reply_code integer,
  reply text,
  ended_at timestamptz,
  primary key (workspace_id, id),
  constraint mails_hold_while_they_count check (holds = (status not in ('cancelled', 'skipped') and kind <> 'test')),
  constraint mails_round_within_tries check (round between 0 and tries),
  constraint mails_skipped_with_a_reason check ((status = 'skipped') = (reason is not null)),
  constraint mails_hold_a_draft check (not holds or draft_id is not null),
  constraint mails_version_of_a_draft check ((draft_id is null) = (version is null)),
  constraint mails_ended_at_their_end check ((ended_at is null) = (status in ('queued', 'sending'))),
  constraint mails_sending_by_a_node check (status <> 'sending' or node_id is not null)
) with (fillfactor = 70);
-- Nobody gets a version twice.
create unique index mails_once on mails (workspace_id, draft_id, recipient, version) where holds;
-- The mailing first: with the workspace first a planner that knows of no rows takes it for what is found by its id.
create index mails_by_mailing on mails (mailing_id, workspace_id, id);
create index mails_due on mails (workspace_id, mailing_id, due_at, id) where status = 'queued';
-- What a prospect was told.
create index mails_sent on mails (workspace_id, prospect_id, ended_at) where status = 'sent';
create index mails_sending on mails (node_id, id) where status = 'sending';

-- Who gets a newsletter. Whether somebody gets something is read from the suppressions.
create table subscribers (
  workspace_id uuid not null,
  id uuid not null,
  list text not null check (list <> ''),
  address text not null,
  -- The address in small letters.
  recipient text not null check (recipient <> ''),
  name text,
  external_id text,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (workspace_id, id)
);
create unique index subscribers_once on subscribers (workspace_id, list, recipient);
create index subscribers_by_list on subscribers (workspace_id, list, id);

-- Who wants nothing: of one list, or of everything where the list is empty.
create table suppressions (
  workspace_id uuid not null,
  id uuid not null,
  recipient text not null check (recipient <> ''),
  list text not null,
  address text not null,
  reason text not null,
  mail_id uuid,
  created_at timestamptz not null,
  primary key (workspace_id, id)
);
create unique index suppressions_once on suppressions (workspace_id, recipient, list);

-- What went today and when the next one may go; one row, shared by all processes.
create table mail_pace (
  id integer primary key check (id = 1),
  day_at timestamptz not null,
  taken bigint not null check (taken >= 0),
  next_at timestamptz not null
) with (fillfactor = 50);

-- ------------------------------------------------------------------ views under the names people know
create view llm_usage_logs as
select u.external_id as user_id, c.model,
       case when c.tokens_input is null and c.tokens_output is null then null
            else coalesce(c.tokens_input, 0) + coalesce(c.tokens_output, 0) end as tokens_used,
       c.tokens_input as prompt_tokens, c.tokens_output as completion_tokens, c.duration_ms,
       -- The caller's own, and what made the call. (jsonb holds no U+0000.)
       coalesce(replace(i.metadata, '\u0000', '\ufffd'), '{}')::jsonb || jsonb_build_object(
         'service', c.service, 'operation', c.operation, 'generation_id', c.generation_id, 'draft_id', c.draft_id
       ) as metadata,
       c.opened_at as created_at
from calls c
left join users u on u.workspace_id = c.workspace_id and u.id = c.user_id
left join inputs i on i.generation_id = c.generation_id
where c.closed_at is not null;

create view usage_logs as
select c.service, c.operation,
       case when c.tokens_input is null and c.tokens_output is null then null
            else coalesce(c.tokens_input, 0) + coalesce(c.tokens_output, 0) end as tokens,
       c.cost_nanousd / 1000000000.0 as cost_usd, c.opened_at as created_at
from calls c
where c.closed_at is not null;

-- By days of UTC, from the totals: it costs a look at their history and outlives the calls. What a day used is what there
-- was at its end less what there was at the end of the last one before it that has anything.
create view daily_usage_summary as
select days.date, days.service, days.operation,
       sum(days.calls - days.calls_before)::bigint as count,
       sum(days.tokens - days.tokens_before)::bigint as total_tokens,
       sum(days.cost_nanousd - days.cost_before) / 1000000000.0 as total_cost
from (
  select d.date, d.calls, d.tokens, d.cost_nanousd, s.service, s.operation,
         lag(d.calls, 1, 0::bigint) over w as calls_before,
         lag(d.tokens, 1, 0::bigint) over w as tokens_before,
         lag(d.cost_nanousd, 1, 0::bigint) over w as cost_before
  from (
    select v.series_no, (v.bucket_at at time zone 'UTC')::date as date, max(v.calls) as calls,
           max(v.tokens_input + v.tokens_output) as tokens, max(v.cost_nanousd) as cost_nanousd
    from (
      select series_no, bucket_at, calls, tokens_input, tokens_output, cost_nanousd from usage_history
      union all
      select series_no, bucket_at, calls, tokens_input, tokens_output, cost_nanousd from usage_totals
    ) v
    group by v.series_no, (v.bucket_at at time zone 'UTC')::date
  ) d
  join usage_series s on s.no = d.series_no
  where s.cuboid = 4
  window w as (partition by d.series_no order by d.date)
) days
group by days.date, days.service, days.operation
having sum(days.calls - days.calls_before) > 0;

create view newsletter_drafts as
select d.id, u.external_id as user_id, d.title, d.status, d.generated_at
from drafts d
left join users u on u.workspace_id = d.workspace_id and u.id = d.user_id
where d.recipe = 'newsletter' and d.deleted_at is null;

create view jobs as
select j.id, 'draft' as job_type, j.recipe, j.user_external as user_id, j.status, j.total as total_targets,
       j.completed as drafts_created, coalesce(j.started_at, j.created_at) as started_at, j.updated_at,
       j.note as error_message
from job_list j;

create view prospects as
select p.id, p.external_id, p.name, p.company, p.contact_email, p.website, p.category,
       p.verification as verification_status, p.source_type,
       v.title as draft_subject, v.body as draft_body,
       case
           when btrim(v.title, E' \t\n\r') <> '' and btrim(v.body, E' \t\n\r') <> '' then 'drafted'
           else d.status
       end as draft_status,
       p.created_at, p.updated_at
from prospect_list p
left join lateral (
    select x.id, x.status, x.current_version from drafts x
    where x.workspace_id = p.workspace_id and x.external_id = p.draft_name and x.deleted_at is null
    order by x.id desc limit 1
) d on true
left join versions v on v.draft_id = d.id and v.number = d.current_version
where p.deleted_at is null;

create view generation_status as
select g.id, g.workspace_id, g.draft_id,
       case when o.id is not null then o.status when n.id is not null then 'processing' else 'pending' end as status,
       coalesce(o.attempt, n.attempt, p.attempt, r.attempt) as attempt,
       coalesce(o.spent, n.spent, p.spent, r.spent) as spent,
       coalesce(o.row_version, n.row_version, p.row_version, r.row_version) as row_version,
       n.node_id, g.accepted_at, n.claimed_at, o.finished_at, p.reason as parked_because, p.not_before_at,
       coalesce(o.error_code, n.last_error_code, p.last_error_code, r.last_error_code) as error_code,
       coalesce(o.error, n.last_error, p.last_error, r.last_error) as error
from generations g
left join outcomes o on o.id = g.id
left join runs n on n.id = g.id
left join parked p on p.id = g.id
left join ready r on r.id = g.id;

-- Schedules --------------------------------------------------------------------------------------------------------------
-- Generations that recur. While one is active it knows when its next result is to be ready, and when that begins.
create table schedules (
  id uuid primary key,
  workspace_id uuid not null,
  user_id uuid not null,
  user_external text not null,
  key_id uuid,
  name text,
  recipe text not null,
  spec text not null,
  state text not null check (state in ('active', 'paused', 'broken')),
  note_code text,
  note text,
  ready_at timestamptz,
  start_at timestamptz,
  failures bigint not null check (failures >= 0),
  skipped_at timestamptz,
  revision bigint not null check (revision > 0),
  idempotency_key text,
  fingerprint bytea,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  unique (workspace_id, idempotency_key),
  constraint schedules_next_whole check ((ready_at is null) = (start_at is null)),
  constraint schedules_active_has_next check ((state = 'active') = (ready_at is not null)),
  constraint schedules_note_whole check ((note_code is null) = (note is null)),
  constraint schedules_key_whole check ((idempotency_key is null) = (fingerprint is null))
);
create index schedules_by_workspace on schedules (workspace_id, id);
create index schedules_due on schedules (start_at) where start_at is not null;

-- What became of their times, the last hundred of each.
create table schedule_runs (
  schedule_id uuid not null,
  seq bigint not null check (seq > 0),
  workspace_id uuid not null,
  kind text not null check (kind in ('planned', 'catch_up', 'by_hand')),
  ready_at timestamptz not null,
  made_at timestamptz not null,
  outcome text not null check (outcome in ('made', 'refused', 'skipped')),
  missed bigint not null check (missed >= 0),
  generation_id uuid,
  draft_id uuid,
  note_code text,
  note text,
  primary key (schedule_id, seq),
  unique (schedule_id, generation_id),
  constraint schedule_runs_made_has_generation check ((outcome = 'made') = (generation_id is not null)),
  constraint schedule_runs_made_whole check ((generation_id is null) = (draft_id is null)),
  constraint schedule_runs_note_whole check ((note_code is null) = (note is null))
);
