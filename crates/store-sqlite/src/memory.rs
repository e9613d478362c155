//! What the writer keeps in memory between commands, because nobody else writes: queues, pauses, budgets, the numbers of users
//! and of usage series, dedupe keys that are taken, how many wait, the virtual times, the health of models and providers. All of it can be read
//! again from the tables; after a rollback it is.

use crate::budgets;
use crate::codec;
use crate::db::{Db, sql};
use crate::fault::{Done, Fault};
use crate::health;
use crate::live_keys::LiveKeys;
use crate::totals::Numbers;
use copydesk_core::budget::Budget;
use copydesk_core::generation::fairness::{QueueTime, VirtualTime};
use copydesk_core::health::{HealthNews, Rows, Sign, learn};
use copydesk_core::job::book::JobBook;
use copydesk_core::metering::totals::Sheet;
use copydesk_core::{Timestamp, UserId, WorkspaceId};
use copydesk_store::admin::{Pause, PauseKey};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use uuid::Uuid;

/// How many users' numbers are remembered; beyond it all are forgotten and looked up again.
const KNOWN_USERS_MAX: usize = 50_000;

/// The number under which `clock` keeps the common virtual time; no queue has it.
pub(crate) const COMMON: i64 = 0;

/// What a command works with.
pub(crate) struct Session<'a> {
    pub db: Db<'a>,
    pub memory: &'a mut Memory,
    /// What the command under way adds to the totals; it writes it before it ends.
    pub sheet: Sheet,
    /// The jobs the command under way touches; written before it ends, too.
    pub jobs: JobBook,
}

/// The lanes of a generation: an interned row of `queues`.
#[derive(Clone, Debug)]
pub(crate) struct Queue {
    pub workspace: WorkspaceId,
    pub recipe: String,
    pub provider: String,
    pub model: String,
    /// The route has a further model.
    pub onward: bool,
}

/// Which queue: workspace, then recipe and model, and whether a further model follows.
type QueueName = (WorkspaceId, String, bool);

#[derive(Default)]
struct Queues {
    by_name: HashMap<QueueName, i64>,
    by_id: BTreeMap<i64, Queue>,
}

pub(crate) struct Memory {
    /// Accepts beyond it are refused.
    pub waiting_max: u64,
    queues: Option<Queues>,
    pauses: Option<Vec<Pause>>,
    budgets: Option<Arc<[Budget]>>,
    users: HashMap<(WorkspaceId, UserId), i64>,
    pub live_keys: LiveKeys,
    pub series: Numbers,
    waiting: Option<i64>,
    /// By queue; the common one is [`COMMON`]'s. A queue that is not in it is at time 0.
    clock: Option<BTreeMap<i64, VirtualTime>>,
    /// Who is cooling down or has failed lately. Nearly always empty.
    health: Option<Rows>,
    /// Claims since the fair rows were last cleaned.
    pub claimed_since_purge: u64,
    /// Something here was changed by the command under way.
    touched: bool,
}

impl Memory {
    pub fn new(waiting_max: u64) -> Memory {
        Memory {
            waiting_max,
            queues: None,
            pauses: None,
            budgets: None,
            users: HashMap::new(),
            live_keys: LiveKeys::default(),
            series: Numbers::default(),
            waiting: None,
            clock: None,
            health: None,
            claimed_since_purge: 0,
            touched: false,
        }
    }

    /// A new command begins; what is here fits the tables.
    pub fn mark(&mut self) {
        self.touched = false;
    }

    /// The command under way changes something here.
    pub fn touch(&mut self) {
        self.touched = true;
    }

    /// The command was undone: forget what it may have taught us.
    pub fn undo(&mut self) {
        if self.touched {
            self.forget();
        }
    }

    /// The whole transaction was undone.
    pub fn forget(&mut self) {
        *self = Memory::new(self.waiting_max);
    }
}

impl Session<'_> {
    /// The queue's number; made when it is new.
    pub fn queue_id(&mut self, workspace: WorkspaceId, recipe: &str, model: &str, onward: bool) -> Done<i64> {
        // No recipe name holds a line end, so two different pairs never give one name.
        let name = (workspace, format!("{recipe}\n{model}"), onward);
        if let Some(id) = self.queues()?.by_name.get(&name) {
            return Ok(*id);
        }
        let provider = codec::provider(model);
        let params = rusqlite::params![workspace.0.as_bytes(), recipe, provider, model, onward];
        let id = self.db.number(sql!("accept/insert_queue"), params)?;
        self.memory.touched = true;
        let queue = Queue { workspace, recipe: recipe.into(), provider: provider.into(), model: model.into(), onward };
        let queues = self.queues()?;
        queues.by_name.insert(name, id);
        queues.by_id.insert(id, queue);
        Ok(id)
    }

    pub fn queues_by_id(&mut self) -> Done<&BTreeMap<i64, Queue>> {
        Ok(&self.queues()?.by_id)
    }

    fn queues(&mut self) -> Done<&mut Queues> {
        let queues = match self.memory.queues.take() {
            Some(queues) => queues,
            None => {
                let by_id = read_queues(self.db)?;
                let name =
                    |queue: &Queue| (queue.workspace, format!("{}\n{}", queue.recipe, queue.model), queue.onward);
                Queues { by_name: by_id.iter().map(|(id, queue)| (name(queue), *id)).collect(), by_id }
            }
        };
        Ok(self.memory.queues.insert(queues))
    }

    /// Since when `what` is paused, if it is.
    pub fn paused(&mut self, what: &PauseKey) -> Done<Option<Timestamp>> {
        Ok(self.pauses()?.iter().find(|pause| pause.what == *what).map(|pause| pause.since))
    }

    pub fn pauses(&mut self) -> Done<&[Pause]> {
        let pauses = match self.memory.pauses.take() {
            Some(pauses) => pauses,
            None => read_pauses(self.db)?,
        };
        Ok(self.memory.pauses.insert(pauses))
    }

    /// All of them, ended ones too.
    pub fn budgets(&mut self) -> Done<Arc<[Budget]>> {
        let budgets = match self.memory.budgets.take() {
            Some(budgets) => budgets,
            None => budgets::all(self.db)?.into(),
        };
        Ok(self.memory.budgets.insert(budgets).clone())
    }

    pub fn budgets_changed(&mut self) {
        self.memory.touched = true;
        self.memory.budgets = None;
    }

    pub fn pauses_changed(&mut self) {
        self.memory.touched = true;
        self.memory.pauses = None;
    }

    /// The number of a user who exists.
    pub fn user_no(&mut self, workspace: WorkspaceId, user: UserId) -> Done<Option<i64>> {
        if let Some(no) = self.memory.users.get(&(workspace, user)) {
            return Ok(Some(*no));
        }
        let params = rusqlite::params![workspace.0.as_bytes(), user.0.as_bytes()];
        let found = self.db.first(sql!("accept/find_user"), params, |row| Ok(row.get(0)?))?;
        if let Some(no) = found {
            if self.memory.users.len() >= KNOWN_USERS_MAX {
                self.memory.users.clear();
            }
            self.memory.touched = true;
            self.memory.users.insert((workspace, user), no);
        }
        Ok(found)
    }

    /// The user's number; the user is made when there is none.
    pub fn user_no_or_new(&mut self, workspace: WorkspaceId, user: UserId, external: &str, at: Timestamp) -> Done<i64> {
        if let Some(no) = self.user_no(workspace, user)? {
            return Ok(no);
        }
        let params = rusqlite::params![workspace.0.as_bytes(), user.0.as_bytes(), external, at.micros()];
        self.db.execute(sql!("accept/insert_user"), params)?;
        self.user_no(workspace, user)?.ok_or_else(|| Fault::corrupt(format!("{user} was made and is not there")))
    }

    /// Puts a new draft, generation or call into the list of its user.
    pub fn add_belonging(&mut self, user_no: i64, id: Uuid) -> Done<()> {
        self.db.execute(sql!("accept/insert_belonging"), rusqlite::params![user_no, id.as_bytes()])?;
        Ok(())
    }

    /// How many generations wait.
    pub fn waiting(&mut self) -> Done<i64> {
        let waiting = match self.memory.waiting {
            Some(waiting) => waiting,
            None => self.db.number(sql!("accept/waiting_count"), [])?,
        };
        Ok(*self.memory.waiting.insert(waiting))
    }

    /// More or fewer wait than before this command. Unknown stays unknown.
    pub fn waiting_changed(&mut self, by: i64) {
        self.memory.touched = true;
        if let Some(waiting) = &mut self.memory.waiting {
            *waiting += by;
        }
    }

    /// What a new generation of the queue finds.
    pub fn queue_time(&mut self, queue: i64) -> Done<QueueTime> {
        let has_ready = self.db.number(sql!("accept/has_ready"), [queue])? != 0;
        let clock = self.clock()?;
        let of = |queue| clock.get(&queue).copied().unwrap_or_default();
        Ok(QueueTime { own: of(queue), common: of(COMMON), has_ready })
    }

    /// A virtual time never goes back.
    pub fn advance_virtual_time(&mut self, queue: i64, to: VirtualTime) -> Done<()> {
        let time = self.clock()?.entry(queue).or_default();
        if to > *time {
            *time = to;
            self.memory.touched = true;
            self.db.execute(sql!("claim/set_clock"), [queue, to.0])?;
        }
        Ok(())
    }

    /// Puts what a call said into the rows it speaks of. When all is well this touches nothing.
    pub fn learn(&mut self, sign: &Sign, now: Timestamp, news: &mut Vec<HealthNews>) -> Done<()> {
        let mut changed = vec![];
        learn(self.health()?, sign, now, &mut changed, news);
        for name in changed {
            self.memory.touched = true;
            let db = self.db;
            health::write(db, &name, self.health()?.get(&name))?;
        }
        Ok(())
    }

    pub fn health(&mut self) -> Done<&mut Rows> {
        let rows = match self.memory.health.take() {
            Some(rows) => rows,
            None => health::read(self.db)?,
        };
        Ok(self.memory.health.insert(rows))
    }

    fn clock(&mut self) -> Done<&mut BTreeMap<i64, VirtualTime>> {
        let clock = match self.memory.clock.take() {
            Some(clock) => clock,
            None => {
                let rows = self.db.all(sql!("claim/clock"), [], |row| Ok((row.get(0)?, VirtualTime(row.get(1)?))))?;
                rows.into_iter().collect()
            }
        };
        Ok(self.memory.clock.insert(clock))
    }
}

pub(crate) fn read_queues(db: Db<'_>) -> Done<BTreeMap<i64, Queue>> {
    let rows = db.all(sql!("accept/all_queues"), [], |row| {
        let workspace = WorkspaceId(codec::uuid(row, 1)?);
        let (recipe, provider, model, onward) = (row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?);
        Ok((row.get(0)?, Queue { workspace, recipe, provider, model, onward }))
    })?;
    Ok(rows.into_iter().collect())
}

pub(crate) fn read_pauses(db: Db<'_>) -> Done<Vec<Pause>> {
    db.all(sql!("admin/pauses"), [], |row| {
        let what = codec::word(row, "pauses.what", PauseKey::parse)?;
        Ok(Pause { what, since: codec::instant(row, "since_at")? })
    })
}
