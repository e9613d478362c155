//! How a desk behaves: every limit and interval has a name, a unit, a default and a reason.

use crate::credits::Packs;
use crate::mail::MailConfig;
use copydesk_core::access::person::SignInLimits;
use copydesk_core::files::Quota;
use copydesk_core::health::Rate;
use copydesk_core::metering::cuts::Zone;
use copydesk_core::prospect::Rule;
use copydesk_store::generations::{Lane, Limits};
use std::time::Duration;

/// The settings of one desk. All of them have defaults; none is read from the environment here.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DeskConfig {
    /// How many generations are worked on at once, over all processes on the same database. `None` lifts the limit
    /// (`GENERATION_USE_QUEUE=false`: each request runs at once). Default 4, seed S2's.
    pub max_concurrent: Option<u32>,
    /// Further limits by recipe, provider, model or workspace.
    pub lanes: Vec<(Lane, u32)>,
    /// How many requests and tokens of a model or provider may be used in a minute, over all processes. None by default:
    /// only the provider knows its limits, and it says so (429), which the circuit breaker obeys.
    pub rates: Vec<(Lane, Rate)>,
    /// How many may wait; further requests are refused with `queue_full`. Shown here, enforced by the store, which the
    /// wiring opens with the same number.
    pub waiting_max: u64,
    /// Bounds a generation's whole life where the recipe does not say otherwise. Default 1 h, seed S3's.
    pub deadline: Duration,
    /// Bounds one attempt; a recipe may ask for less, never for more.
    pub attempt_timeout: Duration,
    /// Whether requests hold and settle credits. Off by default.
    pub credits: bool,
    /// What is sold under a name. None by default.
    pub packs: Packs,
    /// Whether this process takes part in generating. Off, it refuses new requests and claims nothing, whatever the
    /// switch of the installation says, which is in the store. On by default.
    pub generation: bool,
    /// How long usage rows and events are kept, for ever by default, and ended messages to webhooks.
    pub retention: Retention,
    /// Whether sources are fetched; on by default. Off, they can still be made and read, and a fetch is refused.
    pub fetching: bool,
    /// How often a source is fetched where nobody says: an hour by default.
    pub fetch_every: Duration,
    /// How often old rows are looked for, on every node that keeps them for a while only.
    pub prune_every: Duration,
    /// How often some slices of the data are audited, by one node of the installation. `None` switches it off. A minute
    /// by default: a second or two of one core in each.
    pub audit_every: Option<Duration>,
    /// How long people stay signed in. 30 days, or 7 without a request.
    pub sign_in: SignInLimits,
    /// In whose days usage is shown where nobody asks for another zone. UTC by default.
    pub zone: Zone,
    /// How often the node renews its lease.
    pub heartbeat_every: Duration,
    /// After how long without a heartbeat a node's work is given to others. Three beats.
    pub lease: Duration,
    /// How often overdue generations are looked for, on every node.
    pub sweep_every: Duration,
    /// How long an attempt may overrun its own limit before the sweeper ends it in the worker's place.
    pub attempt_grace: Duration,
    /// How long an open call may outlive its generation before it is closed as lost.
    pub orphan_call_after: Duration,
    /// How often the queue is looked at when nothing woke the worker. Only needed where other processes accept.
    pub poll_every: Duration,
    /// How many attempts of this process may wait for jobs at providers without taking a slot; further ones keep theirs.
    /// A waiting attempt is a timer and a question every 15 s.
    pub jobs_max: usize,
    /// The largest picture or video that is kept. Units: bytes.
    pub asset_bytes_max: u64,
    /// How many files callers may keep here in each workspace, and of how many bytes together. 10,000 of 20 GiB.
    pub files: Quota,
    /// For whom mails are drafted when nobody names anybody, and who writes them.
    pub outreach: Outreach,
    /// Who writes mails, and how many.
    pub mail: MailConfig,
    /// How long a stop waits for running attempts before it hands them back.
    pub drain_grace: Duration,
}

/// Drafting for prospects.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outreach {
    /// Who is eligible: verified, with an address, from a website, as seed S1 has it.
    pub rule: Rule,
    /// What the sender is and is not, for drafts that are asked for without saying it.
    pub sender: Option<String>,
    /// What the routes of seed S1 draft with.
    pub recipe: String,
}

impl Default for Outreach {
    fn default() -> Outreach {
        Outreach { rule: Rule::default(), sender: None, recipe: "outreach".to_owned() }
    }
}

/// How long what is kept; `None` is for ever. Totals and the ledger stay in any case.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Retention {
    /// Usage rows, after their call was closed and their generation has ended.
    pub usage: Option<Duration>,
    pub events: Option<Duration>,
    /// Messages to webhooks, after they ended; 30 days by default.
    pub deliveries: Option<Duration>,
    /// Items of sources, since a fetch brought them last; 90 days by default.
    pub items: Option<Duration>,
}

impl Default for Retention {
    fn default() -> Retention {
        Retention {
            usage: None,
            events: None,
            deliveries: Some(Duration::from_secs(30 * 86_400)),
            items: Some(Duration::from_secs(90 * 86_400)),
        }
    }
}

impl Retention {
    pub const NOTHING: Retention = Retention { usage: None, events: None, deliveries: None, items: None };
}

impl Default for DeskConfig {
    fn default() -> Self {
        DeskConfig {
            max_concurrent: Some(4),
            lanes: Vec::new(),
            rates: Vec::new(),
            waiting_max: 1_000_000,
            deadline: Duration::from_secs(3_600),
            attempt_timeout: Duration::from_secs(600),
            credits: false,
            packs: Packs::new(),
            generation: true,
            retention: Retention::default(),
            fetching: true,
            fetch_every: Duration::from_secs(3_600),
            prune_every: Duration::from_secs(60),
            audit_every: Some(Duration::from_secs(60)),
            sign_in: SignInLimits::default(),
            zone: Zone::utc(),
            heartbeat_every: Duration::from_secs(10),
            lease: Duration::from_secs(30),
            sweep_every: Duration::from_secs(5),
            attempt_grace: Duration::from_secs(15),
            orphan_call_after: Duration::from_secs(900),
            poll_every: Duration::from_secs(1),
            jobs_max: 256,
            asset_bytes_max: 512 * 1024 * 1024,
            files: Quota { files: 10_000, bytes: 20 * 1024 * 1024 * 1024 },
            outreach: Outreach::default(),
            mail: MailConfig::default(),
            drain_grace: Duration::from_secs(25),
        }
    }
}

impl DeskConfig {
    /// The most attempts one process runs at once, whatever the limit over all processes says.
    pub const SLOTS_MAX: usize = 10_000;

    pub fn limits(&self) -> Limits {
        Limits { global: self.max_concurrent, lanes: self.lanes.clone(), rates: self.rates.clone() }
    }

    /// How many attempts this process may run.
    pub fn slots(&self) -> usize {
        self.max_concurrent.map_or(Self::SLOTS_MAX, |limit| (limit as usize).min(Self::SLOTS_MAX))
    }
}
