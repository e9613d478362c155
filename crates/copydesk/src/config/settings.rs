//! What the texts mean: every setting as the type the program uses, or the one sentence that says why not.

use super::ConfigError;
use super::http::{self, HttpSettings};
use super::load::Loaded;
use super::mail;
use super::people::{self, PeopleSettings};
use super::providers::Providers;
use copydesk_core::files::Quota;
use copydesk_core::metering::cuts::Zone;
use copydesk_core::prospect::{Rule, Verification};
use copydesk_core::source::Schedule;
use copydesk_desk::DeskConfig;
use copydesk_desk::config::{Outreach, Retention};
use copydesk_desk::keys::{KeyText, OWN_KEY_BYTES_MIN};
use copydesk_desk::vault::MasterKey;
use copydesk_outbound::Range;
use copydesk_providers::ASSET_BYTES_MAX;
use copydesk_smtp::Server;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// One process waits for no more jobs than this.
const JOBS_MAX: usize = 1_000_000;

/// The settings of this process.
#[derive(Clone, Debug)]
pub struct Settings {
    pub data: PathBuf,
    pub database_url: Option<DatabaseUrl>,
    pub listen: SocketAddr,
    pub http: HttpSettings,
    pub admin_key: Option<KeyText>,
    /// Seals stored secrets.
    pub secret_key: Option<MasterKey>,
    /// What webhooks may reach besides the public internet.
    pub webhook_allow: Vec<Range>,
    /// Where mails are handed over.
    pub smtp: Option<Server>,
    /// Who is asked whether a domain takes mail; empty: whom this machine asks.
    pub name_servers: Vec<SocketAddr>,
    pub people: PeopleSettings,
    pub auto_migrate: bool,
    pub desk: DeskConfig,
    /// Sets the master switch at start.
    pub generation: Option<bool>,
    pub recipes: Option<PathBuf>,
    pub prices: Option<PathBuf>,
    /// Tests may move the clock and order faults.
    pub test_mode: bool,
    /// `/metrics` asks for no key.
    pub metrics_open: bool,
    pub log: String,
    pub log_json: bool,
    pub server: Option<String>,
    pub key: Option<KeyText>,
    pub providers: Providers,
}

/// Holds a password; never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(pub String);

impl std::fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DatabaseUrl([redacted])")
    }
}

/// What is kept for a shorter time is gone before anybody could miss it.
const SHORTEST_AGE: Duration = Duration::from_secs(24 * 3_600);

pub(super) struct Reader<'a>(&'a Loaded);

impl Reader<'_> {
    pub(super) fn read<T>(
        &self,
        key: &'static str,
        rule: &'static str,
        example: &'static str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<T, ConfigError> {
        let value = &self.0.values[key];
        parse(value.text.trim()).ok_or_else(|| ConfigError::BadValue {
            key,
            origin: value.origin.to_string(),
            seen: if secret(key) { "[not shown]".to_owned() } else { value.text.clone() },
            rule,
            example,
        })
    }
    pub(super) fn switch(&self, key: &'static str) -> Result<bool, ConfigError> {
        self.read(key, "it must be true or false", "true", parse_switch)
    }
    pub(super) fn span(&self, key: &'static str) -> Result<Duration, ConfigError> {
        self.read(key, "it must be a duration of at least 1 second", "90s, 15m, 1h or 2d", parse_span)
    }
    /// `off` is never.
    fn interval(&self, key: &'static str) -> Result<Option<Duration>, ConfigError> {
        if self.text(key).is_some_and(|text| matches!(text.as_str(), "off" | "0")) {
            return Ok(None);
        }
        self.read(key, "it must be off, or a duration of at least 1 second", "1m", parse_span).map(Some)
    }
    fn zone(&self) -> Result<Zone, ConfigError> {
        self.read("tz", "it must be the name of a time zone", "Asia/Kathmandu", |name| Zone::named(name).ok())
    }
    /// Empty is for ever.
    fn age(&self, key: &'static str) -> Result<Option<Duration>, ConfigError> {
        let day = |text: &str| parse_span(text).filter(|age| *age >= SHORTEST_AGE);
        self.text(key).map(|_| self.read(key, "it must be an age of at least one day", "400d", day)).transpose()
    }
    pub(super) fn text(&self, key: &str) -> Option<String> {
        Some(self.0.text(key).trim()).filter(|text| !text.is_empty()).map(str::to_owned)
    }
}

fn secret(key: &str) -> bool {
    super::KEYS.iter().any(|known| known.name == key && known.secret)
}

fn parse_switch(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "on" | "yes" | "1" => Some(true),
        "false" | "off" | "no" | "0" => Some(false),
        _ => None,
    }
}

/// `90s`, `15m`, `1h`, `2d`, and fractions such as `0.5h`; a bare number is refused, because its unit would be a guess.
pub fn parse_span(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_at(text.find(|c: char| c.is_ascii_alphabetic())?);
    let seconds = match unit {
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3_600.0,
        "d" => 86_400.0,
        _ => return None,
    };
    let number: f64 = number.trim().parse().ok()?;
    let span = Duration::try_from_secs_f64(number * seconds).ok()?;
    (span >= Duration::from_secs(1)).then_some(span)
}

impl Settings {
    pub fn read(loaded: &Loaded) -> Result<Settings, ConfigError> {
        let reader = Reader(loaded);
        let people = people::read(&reader)?;
        let desk = DeskConfig { sign_in: people.limits, ..desk(&reader, loaded)? };
        let generation = match reader.text("generation") {
            None => None,
            Some(_) => Some(reader.read("generation", "it must be on or off", "on", parse_switch)?),
        };
        let admin_key = match reader.text("admin_key") {
            None => None,
            Some(_) => Some(reader.read(
                "admin_key",
                "it must have 16 to 255 characters, and may begin with dk_live_ only if Copydesk made it",
                "the output of: openssl rand -hex 24",
                own_key,
            )?),
        };
        let listen: SocketAddr =
            reader.read("listen", "it must be an address and a port", "127.0.0.1:8420", |text| text.parse().ok())?;
        Ok(Settings {
            data: reader.text("data").unwrap_or_default().into(),
            database_url: reader.text("database_url").map(DatabaseUrl),
            http: http::read(&reader, listen.ip())?,
            listen,
            admin_key,
            secret_key: secret_key(&reader)?,
            webhook_allow: reader.read(
                "webhook_allow",
                "it must be ranges of addresses, with commas",
                "10.0.0.0/8, fd00::/8",
                ranges,
            )?,
            smtp: mail::server(&reader)?,
            name_servers: mail::name_servers(&reader)?,
            people,
            auto_migrate: reader.switch("auto_migrate")?,
            desk,
            generation,
            recipes: reader.text("recipes").map(PathBuf::from),
            prices: reader.text("prices").map(PathBuf::from),
            test_mode: test_mode(&reader, loaded, listen)?,
            metrics_open: reader.switch("metrics_open")?,
            log: reader.text("log").unwrap_or_else(|| "info".to_owned()),
            log_json: reader.read("log_format", "it must be text or json", "text", |text| match text {
                "text" => Some(false),
                "json" => Some(true),
                _ => None,
            })?,
            server: reader.text("server"),
            key: reader.text("key").map(KeyText::new),
            providers: loaded.providers.clone(),
        })
    }
}

fn desk(reader: &Reader<'_>, loaded: &Loaded) -> Result<DeskConfig, ConfigError> {
    let max_concurrent = reader.read("max_concurrent", "it must be a whole number of at least 1", "4", |text| {
        text.parse::<u32>().ok().filter(|limit| *limit > 0)
    })?;
    let use_queue = reader.switch("use_queue")?;
    Ok(DeskConfig {
        max_concurrent: use_queue.then_some(max_concurrent),
        waiting_max: reader.read("waiting_max", "it must be a whole number of at least 1", "1000000", |text| {
            text.parse::<u64>().ok().filter(|limit| *limit > 0)
        })?,
        jobs_max: reader.read("max_jobs", "it must be 0 to 1000000", "256", |text| {
            text.parse::<usize>().ok().filter(|jobs| *jobs <= JOBS_MAX)
        })?,
        asset_bytes_max: reader.read("max_asset_bytes", "it must be 1 to 536870912 bytes", "536870912", |text| {
            text.parse::<u64>().ok().filter(|bytes| (1..=ASSET_BYTES_MAX as u64).contains(bytes))
        })?,
        files: Quota {
            files: reader.read("files.max_count", "it must be a whole number of at least 1", "10000", positive)?,
            bytes: reader.read("files.max_bytes", "it must be a whole number of bytes", "21474836480", positive)?,
        },
        deadline: reader.span("deadline")?,
        attempt_timeout: reader.span("attempt_timeout")?,
        drain_grace: reader.span("drain_grace")?,
        credits: reader.switch("credits")?,
        packs: loaded.packs.clone(),
        fetching: reader.switch("fetching")?,
        fetch_every: reader.read("fetch_every", "it must be a span of 15m to 7d", "1h", |text| match text.parse() {
            Ok(Schedule::Every(span)) => Some(span),
            Ok(Schedule::At { .. }) | Err(_) => None,
        })?,
        retention: Retention {
            usage: reader.age("retention.usage")?,
            events: reader.age("retention.events")?,
            deliveries: reader.age("retention.deliveries")?,
            items: reader.age("retention.items")?,
        },
        audit_every: reader.interval("audit_every")?,
        zone: reader.zone()?,
        outreach: outreach(reader)?,
        mail: mail::config(reader)?,
        rates: loaded.rates.iter().map(|rate| (rate.lane(), rate.rate)).collect(),
        ..DeskConfig::default()
    })
}

/// Whoever may move the clock and make calls fail must not be a stranger, and must not do it to anything real.
fn test_mode(reader: &Reader<'_>, loaded: &Loaded, listen: SocketAddr) -> Result<bool, ConfigError> {
    let never = |rule| reader.read("test_mode", rule, "false", |_| None);
    if !reader.switch("test_mode")? {
        Ok(false)
    } else if loaded.providers.values().any(|provider| provider.api_key.is_some()) {
        never("it is refused while a provider has a key: tests ask the demo provider, which needs none")
    } else if !listen.ip().is_loopback() {
        never("it is refused unless listen is an address of this machine alone, such as 127.0.0.1:8420")
    } else if reader.text("database_url").is_some() {
        never("it is refused on PostgreSQL, whose clock nobody can move: leave database_url out")
    } else {
        Ok(true)
    }
}

fn outreach(reader: &Reader<'_>) -> Result<Outreach, ConfigError> {
    let usual = Outreach::default();
    let words = "it must be unverified, verified, rejected or unknown";
    Ok(Outreach {
        rule: Rule {
            verification: reader.read("outreach.verification_status", words, "verified", Verification::parse)?,
            needs_email: reader.switch("outreach.needs_email")?,
            source_type: reader.text("outreach.source_type").filter(|source| source != "*"),
        },
        sender: reader.text("outreach.sender"),
        recipe: reader.text("outreach.recipe").unwrap_or(usual.recipe),
    })
}

fn secret_key(reader: &Reader<'_>) -> Result<Option<MasterKey>, ConfigError> {
    let read = || {
        reader.read("secret_key", "it must be 64 hexadecimal digits", "the output of: openssl rand -hex 32", |text| {
            MasterKey::parse(text).ok()
        })
    };
    reader.text("secret_key").map(|_| read()).transpose()
}

fn positive(text: &str) -> Option<u64> {
    text.parse().ok().filter(|number| *number > 0)
}

fn ranges(text: &str) -> Option<Vec<Range>> {
    text.split(',').map(str::trim).filter(|range| !range.is_empty()).map(|range| range.parse().ok()).collect()
}

fn own_key(text: &str) -> Option<KeyText> {
    let key = KeyText::new(text);
    (text.len() >= OWN_KEY_BYTES_MIN && key.plausible()).then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Environment, Flags};

    fn with(name: &'static str, text: &str) -> Result<Settings, ConfigError> {
        Settings::read(&Loaded::read(&Flags::from([(name, text.to_owned())]), &Environment::default(), None)?)
    }

    #[test]
    fn the_defaults_are_those_of_the_seeds() {
        let settings = Settings::read(&Loaded::read(&Flags::new(), &Environment::default(), None).unwrap()).unwrap();
        assert_eq!(settings.desk.max_concurrent, Some(4));
        assert_eq!(settings.desk.deadline, Duration::from_secs(3_600));
        assert!(!settings.desk.credits);
    }

    #[test]
    fn the_audit_runs_every_minute_unless_it_is_switched_off() {
        assert_eq!(with("tz", "UTC").unwrap().desk.audit_every, Some(Duration::from_secs(60)));
        assert_eq!(with("audit_every", "5s").unwrap().desk.audit_every, Some(Duration::from_secs(5)));
        for off in ["off", "0"] {
            assert_eq!(with("audit_every", off).unwrap().desk.audit_every, None);
        }
        let error = with("audit_every", "often").unwrap_err().to_string();
        assert!(error.contains("audit_every") && error.contains("it must be off"), "{error}");
    }

    #[test]
    fn the_queue_switched_off_lifts_the_limit_and_nothing_else() {
        let settings = with("use_queue", "false").unwrap();
        assert_eq!(settings.desk, DeskConfig { max_concurrent: None, ..DeskConfig::default() });
    }

    #[test]
    fn what_is_kept_for_a_while_is_kept_for_a_day_at_least_and_everything_for_ever_by_default() {
        assert_eq!(with("tz", "UTC").unwrap().desk.retention, Retention::default());
        let kept = with("retention.usage", "400d").unwrap().desk.retention;
        assert_eq!(kept, Retention { usage: Some(Duration::from_secs(400 * 86_400)), ..Retention::default() });
        let error = with("retention.events", "1h").unwrap_err().to_string();
        assert!(error.contains("at least one day; for example 400d"), "{error}");
    }

    #[test]
    fn what_webhooks_may_reach_and_the_key_of_secrets_are_read_and_not_shown() {
        let allowed = with("webhook_allow", "10.0.0.0/8, fd00::/8").unwrap().webhook_allow;
        assert_eq!(allowed, ["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()]);
        let error = with("webhook_allow", "10.0.0.0/8, hooks.internal").unwrap_err().to_string();
        assert!(error.contains("ranges of addresses"), "{error}");
        assert!(with("tz", "UTC").unwrap().secret_key.is_none());
        let settings = with("secret_key", &"5a".repeat(32)).unwrap();
        assert!(settings.secret_key.is_some() && !format!("{settings:?}").contains("5a5a"));
        let error = with("secret_key", "too-short-to-be-one").unwrap_err().to_string();
        assert!(error.contains("openssl rand -hex 32") && !error.contains("too-short"), "{error}");
    }

    #[test]
    fn test_mode_is_refused_beside_anything_real() {
        let read = |more: &[(&'static str, &str)], variable: &[(&str, &str)]| {
            let flags: Flags =
                more.iter().chain(&[("test_mode", "true")]).map(|(k, v)| (*k, (*v).to_owned())).collect();
            let variables = variable.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
            Settings::read(&Loaded::read(&flags, &Environment(variables), None)?)
        };
        assert!(read(&[], &[]).unwrap().test_mode && !with("tz", "UTC").unwrap().test_mode);
        assert!(read(&[("listen", "[::1]:0")], &[]).unwrap().test_mode);
        let house = [("COPYDESK_PROVIDER_HOUSE_BASE_URL", "http://127.0.0.1:9/v1")];
        assert!(read(&[], &house).unwrap().test_mode, "one without a key costs nobody anything");
        let error = |more: &[(&'static str, &str)], variable: &[(&str, &str)]| {
            let error = read(more, variable).unwrap_err().to_string();
            assert!(error.starts_with("test_mode"), "{error}");
            error
        };
        assert!(error(&[], &[("OPENAI_API_KEY", "sk-1")]).contains("a provider has a key"));
        assert!(error(&[("listen", "0.0.0.0:8420")], &[]).contains("this machine alone"));
        assert!(error(&[("database_url", "postgres://x/y")], &[]).contains("PostgreSQL"));
    }

    #[test]
    fn a_bad_value_names_key_value_rule_and_example() {
        let error = with("max_concurrent", "0").unwrap_err().to_string();
        assert_eq!(
            error,
            "max_concurrent (flag --max-concurrent) is \"0\", but it must be a whole number of at least 1; for example 4"
        );
        assert!(with("deadline", "3600").is_err(), "a bare number has no unit");
        let hidden = with("admin_key", "short").unwrap_err().to_string();
        let made_up = with("admin_key", "dk_live_something-of-my-own").unwrap_err().to_string();
        assert!(made_up.contains("only if Copydesk made it"), "{made_up}");
        assert!(!hidden.contains("short\""), "{hidden}");
    }
}
