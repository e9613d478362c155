//! The table of all settings: name, variable, default, what it means. Everything that lists or checks settings reads it.

/// One setting.
#[derive(Debug, PartialEq, Eq)]
pub struct Key {
    /// In `copydesk.toml`; `table.key` stands under `[table]`.
    pub name: &'static str,
    pub env: &'static str,
    /// Variables of the seeds' applications that mean the same.
    pub aliases: &'static [&'static str],
    /// Its value is never shown, and may come from the file that `<env>_FILE` names.
    pub secret: bool,
    /// As it would be written; empty means "not set".
    pub default: &'static str,
    pub help: &'static str,
}

const fn key(name: &'static str, env: &'static str, default: &'static str, help: &'static str) -> Key {
    Key { name, env, aliases: &[], secret: false, default, help }
}

/// All of them, in the order they are shown.
pub const KEYS: &[Key] = &[
    key("data", "COPYDESK_DATA", "./copydesk-data", "folder of the embedded database and the generated files"),
    Key {
        secret: true,
        ..key("database_url", "COPYDESK_DATABASE_URL", "", "PostgreSQL to use instead of the embedded database")
    },
    key("listen", "COPYDESK_LISTEN", "127.0.0.1:8420", "address and port of the HTTP server"),
    key("public_url", "COPYDESK_PUBLIC_URL", "", "where clients reach the server; addresses in answers begin with it"),
    key("hosts", "COPYDESK_HOSTS", "", "further host names it answers to, with commas; * is every name"),
    key(
        "trusted_proxies",
        "COPYDESK_TRUSTED_PROXIES",
        "",
        "addresses or ranges of proxies whose X-Forwarded-For is believed, with commas",
    ),
    key("cors_origins", "COPYDESK_CORS_ORIGINS", "", "origins whose pages may call the API, with commas"),
    key("hsts", "COPYDESK_HSTS", "", "how long browsers insist on https, e.g. 365d; needs a public_url with https"),
    key(
        "security_contact",
        "COPYDESK_SECURITY_CONTACT",
        "",
        "whom to tell of security problems, in /.well-known/security.txt: an e-mail address, or one with https://",
    ),
    key("access_log", "COPYDESK_ACCESS_LOG", "true", "one line in the log for each request"),
    Key {
        secret: true,
        ..key(
            "admin_key",
            "COPYDESK_ADMIN_KEY",
            "",
            "bootstrap API key, at least 16 characters; made and printed once when not set",
        )
    },
    Key {
        secret: true,
        ..key(
            "secret_key",
            "COPYDESK_SECRET_KEY",
            "",
            "seals stored secrets, 64 hexadecimal digits; a file in the data folder when not set, needed on PostgreSQL",
        )
    },
    key(
        "webhook_allow",
        "COPYDESK_WEBHOOK_ALLOW",
        "",
        "address ranges webhooks and sources may reach although they are private, e.g. 10.0.0.0/8, with commas; plain http and any port there",
    ),
    key(
        "admin_email",
        "COPYDESK_ADMIN_EMAIL",
        "",
        "every start makes sure that this person is an owner who can sign in",
    ),
    Key {
        secret: true,
        ..key(
            "admin_password",
            "COPYDESK_ADMIN_PASSWORD",
            "",
            "with which password; better in a file: .._PASSWORD_FILE",
        )
    },
    key("session.max_age", "COPYDESK_SESSION_MAX_AGE", "30d", "after how long people sign in again in any case"),
    key("session.idle", "COPYDESK_SESSION_IDLE", "7d", "after how long without a request they do"),
    key("oidc.issuer", "COPYDESK_OIDC_ISSUER", "", "identity provider whose tokens are taken as keys, for schedulers"),
    key(
        "oidc.audience",
        "COPYDESK_OIDC_AUDIENCE",
        "",
        "for whom such a token has to be; usually this server's address",
    ),
    key("oidc.scopes", "COPYDESK_OIDC_SCOPES", "maintenance", "what such a token may do, with commas"),
    key("oidc.subjects", "COPYDESK_OIDC_SUBJECTS", "", "whose tokens: their `sub`, with commas; * is everybody's"),
    key("oidc.emails", "COPYDESK_OIDC_EMAILS", "", "or by their verified e-mail, with commas"),
    key("auto_migrate", "COPYDESK_AUTO_MIGRATE", "false", "bring a PostgreSQL schema up to date at start"),
    Key {
        aliases: &["GENERATION_MAX_CONCURRENT"],
        ..key("max_concurrent", "COPYDESK_MAX_CONCURRENT", "4", "generations worked on at once, over all processes")
    },
    Key {
        aliases: &["GENERATION_USE_QUEUE"],
        ..key("use_queue", "COPYDESK_USE_QUEUE", "true", "false lifts max_concurrent: each request runs at once")
    },
    key("waiting_max", "COPYDESK_WAITING_MAX", "1000000", "generations that may wait; more are refused"),
    key(
        "max_jobs",
        "COPYDESK_MAX_JOBS",
        "256",
        "attempts of one process that wait for a provider's job without a place",
    ),
    key("max_asset_bytes", "COPYDESK_MAX_ASSET_BYTES", "536870912", "largest picture or video that is kept"),
    key("files.max_count", "COPYDESK_FILES_MAX_COUNT", "10000", "files that callers may keep in a workspace"),
    key("files.max_bytes", "COPYDESK_FILES_MAX_BYTES", "21474836480", "and how many bytes of them together"),
    key(
        "outreach.verification_status",
        "COPYDESK_OUTREACH_VERIFICATION_STATUS",
        "verified",
        "what a prospect's address must be for it to be drafted when nobody is named",
    ),
    key(
        "outreach.source_type",
        "COPYDESK_OUTREACH_SOURCE_TYPE",
        "website",
        "and where it must come from; * is anywhere",
    ),
    key("outreach.needs_email", "COPYDESK_OUTREACH_NEEDS_EMAIL", "true", "whether it must have an address"),
    key("outreach.recipe", "COPYDESK_OUTREACH_RECIPE", "outreach", "what POST /api/pipeline/draft drafts with"),
    key(
        "outreach.sender",
        "COPYDESK_OUTREACH_SENDER",
        "",
        "who writes: what you are and are not; for jobs over prospects that do not say it",
    ),
    Key {
        secret: true,
        ..key(
            "smtp.url",
            "COPYDESK_SMTP_URL",
            "",
            "the mail server: smtps://user:password@host (TLS), smtp://... (STARTTLS), smtp+plain://... (no encryption)",
        )
    },
    key(
        "dns.servers",
        "COPYDESK_DNS_SERVERS",
        "",
        "who is asked whether a domain takes mail: 9.9.9.9 or 127.0.0.1:5353, with commas; empty: whom this machine asks",
    ),
    key(
        "smtp.ca_file",
        "COPYDESK_SMTP_CA_FILE",
        "",
        "certificates (PEM) of who else may vouch for the mail server: a company's own authority",
    ),
    key("mail.from", "COPYDESK_MAIL_FROM", "", "who writes mails: Name <ann@example.com>"),
    key("mail.reply_to", "COPYDESK_MAIL_REPLY_TO", "", "where answers go, when not to the sender"),
    key("mail.per_second", "COPYDESK_MAIL_PER_SECOND", "0.5", "mails a second, over all processes; 0.5 is one in two"),
    key("mail.per_day", "COPYDESK_MAIL_PER_DAY", "500", "mails a day in the zone of the desk, over all processes"),
    key("mail.reserve", "COPYDESK_MAIL_RESERVE", "50", "of these, kept for mails that are ordered alone"),
    key("mail.needs_approval", "COPYDESK_MAIL_NEEDS_APPROVAL", "true", "only drafts that somebody approved are sent"),
    key("deadline", "COPYDESK_DEADLINE", "1h", "longest life of a generation, waiting included"),
    key("attempt_timeout", "COPYDESK_ATTEMPT_TIMEOUT", "10m", "longest single attempt"),
    key("drain_grace", "COPYDESK_DRAIN_GRACE", "25s", "how long a stop waits before it hands running work back"),
    key(
        "coalesce_retries",
        "COPYDESK_COALESCE_RETRIES",
        "true",
        "a request without a key that repeats one whose caller hung up gets that one's generation",
    ),
    key("compat.prefix", "COPYDESK_COMPAT_PREFIX", "", "where the addresses of other systems are, e.g. /legacy"),
    key(
        "compat.off",
        "COPYDESK_COMPAT_OFF",
        "",
        "systems whose addresses are not answered, with commas; all is every one",
    ),
    key(
        "compat.regenerate_new_id",
        "COPYDESK_COMPAT_REGENERATE_NEW_ID",
        "false",
        "there, a regeneration makes a new draft and hides the old one",
    ),
    key("credits", "COPYDESK_CREDITS", "false", "hold and settle credits"),
    key(
        "generation",
        "COPYDESK_GENERATION",
        "",
        "on or off: sets the master switch at start; empty leaves it as it is",
    ),
    key("tz", "COPYDESK_TZ", "UTC", "time zone in whose days usage is shown, e.g. Asia/Kathmandu"),
    key(
        "retention.usage",
        "COPYDESK_RETENTION_USAGE",
        "",
        "how long usage rows are kept, e.g. 400d; empty is for ever",
    ),
    key("retention.events", "COPYDESK_RETENTION_EVENTS", "", "how long events are kept, e.g. 90d; empty is for ever"),
    key(
        "retention.deliveries",
        "COPYDESK_RETENTION_DELIVERIES",
        "30d",
        "how long messages to webhooks are kept after they ended; empty is for ever",
    ),
    key(
        "retention.items",
        "COPYDESK_RETENTION_ITEMS",
        "90d",
        "how long items of sources are kept after a fetch brought them last; empty is for ever",
    ),
    key("fetching", "COPYDESK_FETCHING", "true", "false: sources are not fetched, by schedule or on demand"),
    key("fetch_every", "COPYDESK_FETCH_EVERY", "1h", "how often a source is fetched that does not say it, 15m to 7d"),
    key(
        "audit_every",
        "COPYDESK_AUDIT_EVERY",
        "1m",
        "how often some slices of the data are audited, by one server of all; off switches it off",
    ),
    key("recipes", "COPYDESK_RECIPES", "", "folder with recipes of your own, one sub-folder each"),
    key("prices", "COPYDESK_PRICES", "", "TOML file with prices of your own, which win over the built-in ones"),
    key("http.max_connections", "COPYDESK_HTTP_MAX_CONNECTIONS", "10000", "connections that are served at once"),
    key("http.first_byte_timeout", "COPYDESK_HTTP_FIRST_BYTE_TIMEOUT", "10s", "for a connection that says nothing"),
    key("http.head_timeout", "COPYDESK_HTTP_HEAD_TIMEOUT", "15s", "for the head of a request"),
    key("http.idle_timeout", "COPYDESK_HTTP_IDLE_TIMEOUT", "75s", "between two requests of a connection"),
    key("http.body_grace", "COPYDESK_HTTP_BODY_GRACE", "10s", "what every body may take"),
    key("http.body_rate", "COPYDESK_HTTP_BODY_RATE", "1024", "bytes per second a body must bring beyond that"),
    key("http.write_timeout", "COPYDESK_HTTP_WRITE_TIMEOUT", "30s", "for a client that does not take its answer"),
    key("http.max_streams", "COPYDESK_HTTP_MAX_STREAMS", "100", "HTTP/2: requests of one connection at once"),
    key("http.max_body_bytes", "COPYDESK_HTTP_MAX_BODY_BYTES", "1048576", "largest body of a request"),
    key("metrics_open", "COPYDESK_METRICS_OPEN", "false", "/metrics without a key, for scrapers on a private network"),
    key(
        "test_mode",
        "COPYDESK_TEST_MODE",
        "false",
        "for tests of your application: the clock moves and the demo provider fails on order (docs/testing.md); never in production",
    ),
    key("log", "COPYDESK_LOG", "info", "error, warn, info, debug or trace; also filters such as copydesk_desk=debug"),
    key("log_format", "COPYDESK_LOG_FORMAT", "text", "text or json"),
    key("server", "COPYDESK_SERVER", "", "for the command line: a server to talk to instead of the data folder"),
    Key { secret: true, ..key("key", "COPYDESK_KEY", "", "for the command line: API key for that server") },
];
