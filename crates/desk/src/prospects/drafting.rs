//! Jobs over prospects: who is drafted, what of a prospect becomes the recipe's input, and when a second start is the first
//! one again. From there on it is a job like any other.

use crate::accept::ANONYMOUS;
use crate::desk::Desk;
use crate::error::{DeskError, Fault};
use crate::jobs::item::Item;
use crate::jobs::source::Source;
use crate::jobs::{Defaults, OnInvalid, Outlook};
use copydesk_core::prospect::{Facts, Field, Stage, Standing, Tally, draft_name};
use copydesk_core::refusal::Refusal;
use copydesk_store::admin::PauseKey;
use copydesk_store::jobs::{JobRow, Sealed};
use copydesk_store::prospects::{ProspectFilter, ProspectRow};
use copydesk_store::{Order, PageRequest, Scope};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::time::Duration;
use tokio::sync::mpsc;

/// How many prospects a request may name.
pub const NAMED_MAX: usize = 10_000;
/// How many pages may wait to be read.
const PAGES: usize = 2;
/// What the sender is called in a recipe's input.
const SENDER: &str = "sender";

/// Whom a job is for, and whether it writes to them once more.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Whom {
    pub which: Which,
    /// Those to whom a mail was last sent so long ago and who have not answered.
    pub follow_up: Option<Duration>,
}

/// Which prospects.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Which {
    /// All that the rule calls eligible when the job starts.
    Eligible,
    Filter(ProspectFilter),
    /// These, whatever the rule says: ids, or external ids.
    Named(Vec<String>),
}

impl Whom {
    /// Two starts of the same are one, as long as the job has not ended.
    fn dedupe_key(&self, recipe: &str) -> String {
        let what = match self.follow_up {
            Some(_) => "follow_up",
            None => "prospects",
        };
        match &self.which {
            // Another set a moment later, because some are drafted by then: it is still the same wish.
            Which::Eligible => format!("{what}:eligible:{recipe}"),
            Which::Filter(filter) => format!("{what}:{}:{recipe}", digest(&[format!("{filter:?}")])),
            Which::Named(names) => {
                let mut names = names.clone();
                names.sort();
                names.dedup();
                format!("{what}:{}:{recipe}", digest(&names))
            }
        }
    }
}

fn digest(parts: &[String]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    crate::accept::hex(&hash.finalize())
}

impl Whom {
    /// A first mail for each of them.
    pub fn first(which: Which) -> Whom {
        Whom { which, follow_up: None }
    }

    /// Following up says how far they are; a filter beside it may say the same, and nothing else.
    fn check(&self) -> Result<(), DeskError> {
        let (Which::Filter(filter), Some(_)) = (&self.which, self.follow_up) else { return Ok(()) };
        let stage = filter.stage.filter(|stage| *stage != Stage::Sent).map(|stage| {
            let detail = format!("follow_up is for those whose stage is sent, never {}: leave it out", stage.as_str());
            Fault::new("/prospects/filter/stage", "not_allowed", detail)
        });
        let answered = filter.answered.filter(|answered| *answered).map(|_| {
            let detail = "follow_up is for those who have not answered: leave it out, or name some in ids";
            Fault::new("/prospects/filter/answered", "not_allowed", detail)
        });
        let faults: Vec<Fault> = stage.into_iter().chain(answered).collect();
        if faults.is_empty() { Ok(()) } else { Err(DeskError::Invalid(faults)) }
    }
}

impl Desk {
    /// Makes a job that drafts a mail for each of them. Who has a draft already is left out.
    ///
    /// Errors: `Invalid` when there is nobody to draft for, with the reasons.
    pub async fn draft_prospects(&self, defaults: Defaults, whom: Whom) -> Result<Sealed, DeskError> {
        let defaults = self.for_prospects(defaults, &whom).await?;
        if let Some(key) = &defaults.idempotency
            && let Some(first) = self.store().replay_job(defaults.scope, key.clone()).await?
        {
            return Ok(first);
        }
        let pauses = self.store().pauses().await?;
        if let Some(pause) = pauses.iter().find(|pause| pause.what == PauseKey::Generation) {
            return Err(Refusal::GenerationPaused { since: pause.since }.into());
        }
        let user = defaults.user.clone().unwrap_or_else(|| ANONYMOUS.to_owned());
        if let Some(live) = self.store().live_job(defaults.scope, defaults.dedupe_key(&user, &[0; 32])).await? {
            return Ok(Sealed::Duplicate(live));
        }
        let source = self.prospects_of(&defaults, whom).await?;
        self.create_job(defaults, source).await
    }

    /// What [`Desk::draft_prospects`] would do.
    pub async fn dry_draft_prospects(&self, defaults: Defaults, whom: Whom) -> Result<Outlook, DeskError> {
        let defaults = self.for_prospects(defaults, &whom).await?;
        let source = self.prospects_of(&defaults, whom).await?;
        self.dry_job(defaults, source).await
    }

    /// The job that drafts eligible prospects now, if there is one.
    pub async fn eligible_job(&self, scope: Scope) -> Result<Option<JobRow>, DeskError> {
        let recipe = &self.inner.config.outreach.recipe;
        let defaults = Defaults {
            dedupe_key: Some(Whom::first(Which::Eligible).dedupe_key(recipe)),
            ..Defaults::new(recipe.clone())
        };
        let key = Defaults { scope, ..defaults }.dedupe_key(ANONYMOUS, &[0; 32]);
        Ok(self.store().live_job(scope, key).await?)
    }

    async fn for_prospects(&self, defaults: Defaults, whom: &Whom) -> Result<Defaults, DeskError> {
        whom.check()?;
        let mut defaults = self.checked(defaults)?;
        let loaded = self.recipe(&defaults.recipe)?;
        defaults.skip_existing = true;
        // What is wrong with one never stops the rest.
        defaults.on_invalid = OnInvalid::Skip;
        defaults.follow_up = whom.follow_up.is_some();
        defaults.dedupe_key.get_or_insert_with(|| whom.dedupe_key(&defaults.recipe));
        // The job says who writes, or a profile of the recipe, or the settings.
        let profile = self.profiled(defaults.scope, &defaults.recipe, defaults.user.as_deref()).await?;
        let says = |defaults: &Defaults| defaults.input.contains_key(SENDER) || profile.contains(SENDER);
        let takes_sender = properties(&loaded.recipe.input_schema).any(|name| name == SENDER);
        if let Some(sender) = self.inner.config.outreach.sender.as_ref().filter(|_| takes_sender && !says(&defaults)) {
            defaults.input.insert(SENDER.to_owned(), sender.as_str().into());
        }
        let lacks = |name: &&String| name.as_str() == SENDER && !says(&defaults);
        let required =
            loaded.recipe.input_schema.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
        let required: Vec<String> = required.iter().filter_map(Value::as_str).map(str::to_owned).collect();
        if required.iter().any(|name| lacks(&name)) {
            let detail = "it is missing: say who writes, what they are and what they are not, set it once in a profile of the recipe, \
                          or set outreach.sender";
            return Err(DeskError::invalid("/input/sender", "required", detail));
        }
        Ok(defaults)
    }

    /// The items, read from the store while they are taken in.
    async fn prospects_of(&self, defaults: &Defaults, whom: Whom) -> Result<Source, DeskError> {
        let loaded = self.recipe(&defaults.recipe)?;
        let wanted: Vec<String> = properties(&loaded.recipe.input_schema).map(str::to_owned).collect();
        let scope = defaults.scope;
        let before = whom.follow_up.map(|after| self.inner.now().minus(after));
        let (sender, pages) = mpsc::channel(PAGES);
        match (whom.which, before) {
            (Which::Named(names), _) => {
                let rows = self.named_prospects(scope, &names).await.map_err(placed)?;
                let items = rows.iter().map(|row| item(row, &wanted)).collect();
                // There is room for it.
                drop(sender.try_send(Ok(items)));
            }
            (Which::Eligible, None) => {
                let tally = self.count_prospects(scope, ProspectFilter::default()).await?;
                if tally.of(Standing::Eligible) == 0 {
                    return Err(DeskError::invalid("/prospects", "nobody_eligible", nobody(&tally)));
                }
                self.send_pages(scope, ProspectFilter::eligible(self.eligibility()), wanted, sender);
            }
            (Which::Eligible, Some(before)) => {
                let filter = ProspectFilter::eligible(self.eligibility()).to_follow_up(before);
                self.somebody(scope, &filter, true).await?;
                self.send_pages(scope, filter, wanted, sender);
            }
            (Which::Filter(filter), before) => {
                let filter = match before {
                    Some(before) => filter.to_follow_up(before),
                    None => filter,
                };
                self.somebody(scope, &filter, before.is_some()).await?;
                self.send_pages(scope, filter, wanted, sender);
            }
        }
        Ok(Source::Read(pages))
    }

    /// Errors: `Invalid` when nobody is meant.
    async fn somebody(&self, scope: Scope, filter: &ProspectFilter, follows: bool) -> Result<(), DeskError> {
        let one = PageRequest { limit: 1, after: None, order: Order::OldestFirst };
        if !self.store().prospects(scope, filter.clone(), one).await?.rows.is_empty() {
            return Ok(());
        }
        let detail = match follows {
            true => {
                "nobody is to be followed up: that is who got a mail so long ago, has not answered, and has no newer draft"
            }
            false => "no prospect is meant by this: `copydesk prospects ls` shows how far each is",
        };
        Err(DeskError::invalid("/prospects", "nobody", detail))
    }

    fn send_pages(&self, scope: Scope, filter: ProspectFilter, wanted: Vec<String>, pages: mpsc::Sender<Page>) {
        let desk = self.clone();
        tokio::spawn(async move {
            let mut request = PageRequest { limit: PageRequest::LIMIT_MAX, after: None, order: Order::OldestFirst };
            loop {
                let page = desk.store().prospects(scope, filter.clone(), request.clone()).await;
                let next = page.as_ref().ok().and_then(|page| page.next.clone());
                let items = page.map(|page| page.rows.iter().map(|listed| item(&listed.row, &wanted)).collect());
                // Nobody reads on after a fault.
                if pages.send(items.map_err(|error| error.to_string())).await.is_err() || next.is_none() {
                    return;
                }
                request.after = next;
            }
        });
    }
}

/// Items that were read together, or why reading stopped.
pub(crate) type Page = Result<Vec<Item>, String>;

fn properties(schema: &Value) -> impl Iterator<Item = &str> {
    schema.get("properties").and_then(Value::as_object).into_iter().flatten().map(|(name, _)| name.as_str())
}

/// What is asked for a prospect: of what is known, what the recipe has a name for.
fn item(row: &ProspectRow, wanted: &[String]) -> Item {
    let mut input = Map::new();
    for name in wanted {
        if let Some(value) = known(&row.facts, name) {
            input.insert(name.clone(), value);
        }
    }
    let name = draft_name(row.id);
    Item {
        custom_id: Some(row.id.to_string()),
        input: Value::Object(input),
        external_id: Some(name.clone()),
        target: Some(name.clone()),
        dedupe_key: Some(name),
        ..Item::default()
    }
}

fn known(facts: &Facts, name: &str) -> Option<Value> {
    let field = match name {
        "contact_name" => Some(Field::Name),
        // For people.
        "notes" => None,
        name => Field::parse(name),
    };
    field.and_then(|field| facts.text(field)).map(Value::from).or_else(|| facts.more.get(name).cloned())
}

fn nobody(tally: &Tally) -> String {
    let reasons = [
        (Standing::Drafted, "have a draft"),
        (Standing::Drafting, "are being drafted"),
        (Standing::Unverified, "are not verified"),
        (Standing::NoEmail, "have no e-mail"),
        (Standing::OtherSource, "came from another source"),
        (Standing::Rejected, "are rejected"),
    ];
    let told = reasons.iter().filter(|(standing, _)| tally.of(*standing) > 0);
    let told: Vec<String> = told.map(|(standing, words)| format!("{} {words}", tally.of(*standing))).collect();
    match tally.total() {
        0 => "there are no prospects: import some first".to_owned(),
        total => format!("of {total} prospects nobody is eligible: {}", told.join(", ")),
    }
}

/// Faults of names, where they stand in the request.
fn placed(error: DeskError) -> DeskError {
    let DeskError::Invalid(faults) = error else { return error };
    let place = |fault: Fault| Fault { pointer: format!("/prospects/ids{}", fault.pointer), ..fault };
    DeskError::Invalid(faults.into_iter().map(place).collect())
}
