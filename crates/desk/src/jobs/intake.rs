//! Taking items in: each is checked as a request of its own would be, in a thread beside the others', and staged in pieces
//! while the next ones are read. Nothing of it exists before all of it was found right; then it is sealed at once.

use super::item::Item;
use super::prospect::Prospect;
use super::source::{Found, Source};
use super::{Defaults, OnInvalid};
use crate::accept::{Request, hex};
use crate::bound::Asked;
use crate::desk::Desk;
use crate::error::{DeskError, Fault};
use copydesk_core::budget::bound::{Bound, MostCost};
use copydesk_core::job::Note;
use copydesk_core::recipe::Params;
use copydesk_core::{JobId, NanoUsd};
use copydesk_recipes::LoadedRecipe;
use copydesk_store::generations::Accept;
use copydesk_store::jobs::NewItem;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

/// How many items one job may have.
pub const ITEMS_MAX: u32 = 200_000;
/// How many faults are named.
pub const FAULTS_MAX: usize = 100;
/// How many items are staged in one transaction.
const PIECE: usize = 1_000;
/// And of how many bytes, however few they are: more than this only by one item.
const PIECE_BYTES: usize = 4 * 1024 * 1024;
/// How many pieces may wait for the store before reading waits.
const PIECES: usize = 2;

/// What reading all items found.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Intake {
    /// All of them, those that are skipped too.
    pub total: u32,
    /// Those skipped from the start.
    pub skipped: u32,
    /// The first [`FAULTS_MAX`] of them, with the place of their item.
    pub faults: Vec<Fault>,
    /// How many items have one.
    pub invalid: u32,
    /// What all may cost at most; `None` when it is not known of one of them. Only where it was asked for.
    pub most: Option<NanoUsd>,
    /// A model whose cost is not known.
    pub unpriced: Option<String>,
    /// What the items that would be made need of credits and budgets. Only where it was asked for.
    pub prospect: Prospect,
    /// SHA-256 of all items.
    pub digest: [u8; 32],
}

impl Intake {
    /// All faults as one answer.
    pub(super) fn refusal(&self) -> DeskError {
        let mut faults = self.faults.clone();
        let named = u32::try_from(faults.len()).unwrap_or(u32::MAX);
        if self.invalid > named {
            let detail =
                format!("{} more items are not valid; the first {named} faults are named", self.invalid - named);
            faults.push(Fault::new("/items", "more_faults", detail));
        }
        DeskError::Invalid(faults)
    }
}

/// What is to be done while reading.
#[derive(Clone, PartialEq)]
pub(super) enum Mode {
    /// Staged under this id.
    Stage(JobId),
    /// Only looked at, priced, and held against credits and budgets.
    Look(Prospect),
}

impl Desk {
    /// What the request of an item may use at most with any of these models.
    pub(super) fn item_bound(&self, loaded: &LoadedRecipe, request: &Request, models: &[String]) -> Bound {
        // What is wrong with them is said where the request is checked.
        let params = Params::read(&request.params, &loaded.recipe, &request.input).unwrap_or_default();
        let asked = Asked { loaded, input: &request.input, params: &params };
        let Bound { tokens, cost } = self.inner.bound(asked, models, self.inner.now());
        let cost = match (cost, request.max_cost) {
            (MostCost::Known(cost), Some(max)) => MostCost::Known(NanoUsd(cost.0.min(max.0))),
            (cost, _) => cost,
        };
        Bound { tokens, cost }
    }

    /// Reads and checks all items, and stages them.
    pub(super) async fn take_in(&self, source: Source, defaults: &Defaults, mode: Mode) -> Result<Intake, DeskError> {
        let (pieces, mut staged) = mpsc::channel::<Vec<NewItem>>(PIECES);
        let reading = {
            let reader = Reader::new(self.clone(), defaults.clone(), mode.clone(), pieces);
            tokio::task::spawn_blocking(move || reader.read(source))
        };
        let scope = defaults.scope;
        let mut stopped = None;
        while let Some(piece) = staged.recv().await {
            if let (Mode::Stage(id), None) = (&mode, &stopped)
                && let Err(error) = self.store().stage_items(scope, *id, piece).await
            {
                // The reader finds nobody who takes the next piece.
                staged.close();
                stopped = Some(error);
            }
        }
        let read = reading.await.map_err(|error| {
            DeskError::Store(copydesk_store::StoreError::Corrupt(format!("reading the items of a job broke: {error}")))
        });
        match stopped {
            Some(error) => Err(error.into()),
            None => read?,
        }
    }
}

struct Reader {
    desk: Desk,
    /// Reading blocks a thread; what it has to ask the store it waits for there.
    runtime: Handle,
    defaults: Defaults,
    /// Nothing is staged.
    looks: bool,
    pieces: mpsc::Sender<Vec<NewItem>>,
    piece: Vec<NewItem>,
    /// Of their requests.
    piece_bytes: usize,
    found: Intake,
    hash: Sha256,
    /// Hashes of names and of what must not be made twice, with the item that had it first.
    names: HashMap<[u8; 16], u32>,
    works: HashMap<[u8; 16], u32>,
    models: Vec<String>,
    lines: bool,
}

impl Reader {
    fn new(desk: Desk, defaults: Defaults, mode: Mode, pieces: mpsc::Sender<Vec<NewItem>>) -> Reader {
        let (looks, prospect) = match mode {
            Mode::Stage(_) => (false, Prospect::default()),
            Mode::Look(prospect) => (true, prospect),
        };
        Reader {
            desk,
            runtime: Handle::current(),
            defaults,
            looks,
            pieces,
            piece: Vec::with_capacity(PIECE),
            piece_bytes: 0,
            found: Intake { most: Some(NanoUsd(0)), prospect, ..Intake::default() },
            hash: Sha256::new(),
            names: HashMap::new(),
            works: HashMap::new(),
            models: Vec::new(),
            lines: false,
        }
    }

    fn read(mut self, source: Source) -> Result<Intake, DeskError> {
        self.lines = source.has_lines();
        if !self.defaults.input.is_empty() {
            self.hash.update(Value::Object(self.defaults.input.clone()).to_string());
        }
        self.models = self.desk.models_of(&self.defaults)?;
        for row in source.rows() {
            let Found { line, item } =
                row.map_err(|error| DeskError::invalid("/items", "unreadable", format!("reading stopped: {error}")))?;
            if self.found.total == ITEMS_MAX {
                let detail = format!("a job may have at most {ITEMS_MAX} items: cut the file into several");
                return Err(DeskError::invalid("/items", "too_many", detail));
            }
            self.found.total += 1;
            self.take(line, item)?;
            let full = self.piece.len() == PIECE || self.piece_bytes >= PIECE_BYTES;
            if full && !self.hand_on() {
                break;
            }
        }
        self.hand_on();
        if self.found.total == 0 {
            return Err(DeskError::invalid("/items", "empty", "a job needs at least one item"));
        }
        self.found.digest = self.hash.finalize().into();
        Ok(self.found)
    }

    /// Whether anybody takes more.
    fn hand_on(&mut self) -> bool {
        let piece = std::mem::replace(&mut self.piece, Vec::with_capacity(PIECE));
        self.piece_bytes = 0;
        // With a fault nothing will be sealed, so nothing more is written; reading goes on to name them all.
        let useless = piece.is_empty() || self.refuses() || self.looks;
        useless || self.pieces.blocking_send(piece).is_ok()
    }

    fn refuses(&self) -> bool {
        self.found.invalid > 0 && self.defaults.on_invalid == OnInvalid::Refuse
    }

    fn take(&mut self, line: u64, item: Result<Item, Vec<Fault>>) -> Result<(), DeskError> {
        let seq = self.found.total;
        let (item, faults) = match item {
            Ok(item) => {
                let faults = self.check(&item, seq)?;
                (Some(item), faults)
            }
            Err(faults) => {
                self.names.entry(short_hash(&seq.to_string())).or_insert(seq);
                (None, Checked::Faults(faults))
            }
        };
        let request = item.as_ref().map_or_else(|| "{\"input\":null}".to_owned(), Item::to_text);
        let custom_id = item.and_then(|item| item.custom_id).unwrap_or_else(|| seq.to_string());
        self.hash.update((request.len() as u64).to_be_bytes());
        self.hash.update(request.as_bytes());
        self.hash.update(custom_id.as_bytes());
        let skipped = match faults {
            Checked::Faults(faults) if !faults.is_empty() => {
                self.found.invalid += 1;
                let note = Note::new("invalid", self.sentence(line, &faults));
                self.name_faults(line, faults);
                Some(note)
            }
            Checked::Faults(_) => None,
            Checked::Repeats(first) => {
                Some(Note::new("duplicate_item", format!("It asks for the same as item {first} of this job.")))
            }
        };
        self.found.skipped += u32::from(skipped.is_some());
        self.piece_bytes += request.len();
        self.piece.push(NewItem { seq, custom_id, skipped, request });
        Ok(())
    }

    fn check(&mut self, item: &Item, seq: u32) -> Result<Checked, DeskError> {
        let mut faults = Vec::new();
        let number = seq.to_string();
        let name = item.custom_id.as_deref().unwrap_or(&number);
        if name.is_empty() || name.len() > crate::accept::NAME_BYTES_MAX || name.contains('\0') {
            let detail = format!("it must have 1 to {} bytes without NUL", crate::accept::NAME_BYTES_MAX);
            faults.push(Fault::new("/custom_id", "bad_length", detail));
        } else if let Some(first) = self.names.insert(short_hash(name), seq) {
            let detail = match &item.custom_id {
                Some(name) if *name == first.to_string() => {
                    format!("item {first} has this custom_id already, be it as its number because it was given none")
                }
                Some(_) => format!("item {first} has this custom_id already"),
                None => format!("it has none, and its number is the custom_id of item {first}: give it one of its own"),
            };
            faults.push(Fault::new("/custom_id", "duplicate_custom_id", detail));
        }
        if let (Some(whose), Some(named)) = (&self.defaults.user, &item.user)
            && whose != named
        {
            let detail = format!("the job is of {whose:?}; leave the user of the job out, or give both the same");
            faults.push(Fault::new("/user", "not_allowed", detail));
        }
        let mut request = self.defaults.request(item);
        let filled = self.runtime.block_on(self.desk.fill(&mut request));
        let bound = (self.looks || self.defaults.cost_max.is_some()).then(|| self.bound_of(&request)).transpose()?;
        let order = match filled.and_then(|()| self.desk.rehearse(request)) {
            Ok(order) => order,
            Err(DeskError::Invalid(more)) => {
                faults.extend(more);
                return Ok(Checked::Faults(faults));
            }
            Err(other) => return Err(other),
        };
        if !faults.is_empty() {
            return Ok(Checked::Faults(faults));
        }
        // What would be skipped later if the first one is quick enough, and made twice if not, is decided here.
        let external = item.external_id.as_ref().filter(|_| self.defaults.skip_existing);
        let works = [order.dedupe_key.clone(), external.map(|external| format!("external:{external}"))];
        for work in works.iter().flatten() {
            if let Some(first) = self.works.get(&short_hash(work)) {
                return Ok(Checked::Repeats(*first));
            }
        }
        self.works.extend(works.iter().flatten().map(|work| (short_hash(work), seq)));
        if let Some(bound) = bound {
            self.price(bound, &order);
        }
        Ok(Checked::Faults(faults))
    }

    fn bound_of(&self, request: &Request) -> Result<Bound, DeskError> {
        let loaded = self.desk.recipe(&self.defaults.recipe)?;
        Ok(self.desk.item_bound(&loaded, request, &self.models))
    }

    fn price(&mut self, bound: Bound, order: &Accept) {
        self.found.prospect.add(order, &bound);
        match bound.cost {
            MostCost::Known(cost) => {
                self.found.most = self.found.most.map(|sum| NanoUsd(sum.0.saturating_add(cost.0)));
            }
            MostCost::Unknown { model } => (self.found.most, self.found.unpriced) = (None, Some(model)),
        }
    }

    fn name_faults(&mut self, line: u64, faults: Vec<Fault>) {
        let room = FAULTS_MAX.saturating_sub(self.found.faults.len());
        let place = if self.lines { format!("/lines/{line}") } else { format!("/items/{line}") };
        let named = faults.into_iter().take(room).map(|fault| match self.lines {
            true => Fault {
                detail: format!("line {line}: {}", fault.detail),
                pointer: place.clone() + &fault.pointer,
                ..fault
            },
            false => Fault { pointer: place.clone() + &fault.pointer, ..fault },
        });
        self.found.faults.extend(named);
    }

    fn sentence(&self, line: u64, faults: &[Fault]) -> String {
        let all: Vec<String> = faults.iter().map(|fault| format!("{}: {}", fault.pointer, fault.detail)).collect();
        if self.lines { format!("Line {line}: {}", all.join("; ")) } else { all.join("; ") }
    }
}

enum Checked {
    Faults(Vec<Fault>),
    /// It asks for what this item asked for already.
    Repeats(u32),
}

fn short_hash(text: &str) -> [u8; 16] {
    let mut hash = [0; 16];
    hash.copy_from_slice(&Sha256::digest(text.as_bytes())[..16]);
    hash
}

impl Defaults {
    /// The request an item stands for.
    pub(super) fn request(&self, item: &Item) -> Request {
        let mut metadata = self.metadata.clone();
        metadata.extend(item.metadata.clone().unwrap_or_default());
        Request {
            scope: self.scope,
            permit: self.permit.clone(),
            model: self.model.clone(),
            user: item.user.clone().or_else(|| self.user.clone()),
            key: self.key,
            target: item.target.clone(),
            dedupe_key: item.dedupe_key.clone(),
            external_id: item.external_id.clone(),
            priority: item.priority.unwrap_or(self.priority),
            params: item.params.clone().map_or(Value::Null, Value::Object),
            max_cost: item.max_cost,
            metadata: Value::Object(metadata),
            ..Request::new(self.recipe.clone(), self.input_of(item))
        }
    }

    /// The input of an item, on top of what all of them begin with.
    pub(super) fn input_of(&self, item: &Item) -> Value {
        let Some(own) = item.input.as_object().filter(|_| !self.input.is_empty()) else { return item.input.clone() };
        let mut input = self.input.clone();
        input.extend(own.clone());
        Value::Object(input)
    }

    /// What makes two starts the same, unless the caller says it.
    pub(crate) fn dedupe_key(&self, user: &str, digest: &[u8; 32]) -> String {
        match &self.dedupe_key {
            Some(key) => match self.scope.user {
                None => format!("own:{key}"),
                Some(user) => format!("own@{user}:{key}"),
            },
            None => {
                let model = self.model.as_ref().map(|model| format!("@{model:?}")).unwrap_or_default();
                format!("auto:{user}:{}{model}:{}", self.recipe, hex(digest))
            }
        }
    }
}
