//! Generations, their results, attempts, locks and events.

use super::Faults;
use super::dump::{Dump, Row};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// Units: microseconds.
const MINUTE: i64 = 60_000_000;
const LIVE: [&str; 3] = ["ready", "parked", "runs"];

/// Everything about one generation.
struct Life<'a> {
    id: Uuid,
    facts: &'a Row,
    /// Table and row of every place it is in.
    places: Vec<(&'static str, &'a Row)>,
}

impl<'a> Life<'a> {
    fn outcome(&self) -> Option<&'a Row> {
        self.places.iter().find(|(table, _)| *table == "outcomes").map(|(_, row)| *row)
    }
    fn status(&self) -> &'a str {
        match self.places.first() {
            Some(("runs", _)) => "processing",
            Some(("outcomes", row)) => row.text("status"),
            Some(_) => "pending",
            None => "nowhere",
        }
    }
    fn is_live(&self) -> bool {
        ["pending", "processing"].contains(&self.status())
    }
    /// Whether rows of this kind may have been removed for their age.
    fn may_be_pruned(&self, dump: &Dump, what: &str) -> bool {
        let before =
            dump.rows("retention").iter().find(|row| row.text("what") == what).map(|row| row.whole("before_at"));
        self.outcome().zip(before).is_some_and(|(row, before)| row.whole("finished_at") < before)
    }
}

pub(super) fn check(dump: &Dump, faults: &mut Faults) {
    let lives = lives(dump, faults);
    // What the data knows of the time: the last event of each workspace.
    let mut last: BTreeMap<Uuid, (i64, i64)> = BTreeMap::new();
    for event in dump.rows("events") {
        let own = last.entry(event.id("workspace_id")).or_default();
        *own = (*own).max((event.whole("seq"), event.whole("created_at")));
    }
    let newest = last.values().map(|(_, at)| *at).max().unwrap_or(0);
    results(dump, &lives, faults);
    attempts(dump, &lives, newest, faults);
    drafts(dump, &lives, faults);
    locks(dump, &lives, faults);
    events(dump, &lives, faults);
    workspaces(dump, &lives, faults);
    lists(dump, faults);
    for life in lives.values().filter(|life| life.is_live()) {
        let late = life.places.iter().any(|(_, row)| row.whole("deadline_at") + MINUTE < newest);
        faults.expect("I14", !late, || format!("{} is live past its deadline", life.id));
    }
}

/// In exactly one place each, and nothing else there.
fn lives<'a>(dump: &'a Dump, faults: &mut Faults) -> BTreeMap<Uuid, Life<'a>> {
    let mut lives: BTreeMap<Uuid, Life<'a>> = BTreeMap::new();
    for facts in dump.rows("generations") {
        let id = facts.id("id");
        lives.insert(id, Life { id, facts, places: vec![] });
    }
    for table in LIVE.into_iter().chain(["outcomes"]) {
        for row in dump.rows(table) {
            match lives.get_mut(&row.id("id")) {
                Some(life) => life.places.push((table, row)),
                None => faults.expect("place", false, || format!("{table} has one that was never accepted: {row:?}")),
            }
        }
    }
    for life in lives.values() {
        faults.expect("place", life.places.len() == 1, || format!("{} is in {:?}", life.id, life.places));
        for (_, row) in life.places.iter().filter(|(table, _)| LIVE.contains(table)) {
            let same = row.whole("deadline_at") == life.facts.whole("deadline_at");
            faults.expect("deadline", same, || format!("{} is live under another deadline: {row:?}", life.id));
        }
    }
    lives
}

/// A completed generation has one result, another none.
fn results(dump: &Dump, lives: &BTreeMap<Uuid, Life<'_>>, faults: &mut Faults) {
    let versions = dump.by_id("versions", "generation_id");
    for (id, life) in lives {
        let own = versions.get(id).map_or(&[][..], Vec::as_slice);
        let outcome = life.outcome().filter(|row| row.text("status") == "completed");
        let fits = match outcome {
            Some(row) => own.len() == 1 && Some(own[0].whole("number")) == row.maybe_whole("version"),
            None => own.is_empty(),
        };
        faults.expect("I1", fits, || format!("{id} is {} and has {} results", life.status(), own.len()));
    }
    for asset in dump.rows("assets") {
        let of = versions.get(&asset.id("generation_id")).and_then(|own| own.first());
        let fits = of.is_some_and(|version| {
            version.id("draft_id") == asset.id("draft_id") && version.whole("number") == asset.whole("version")
        });
        faults.expect("I1 of files", fits, || format!("{asset:?}"));
    }
}

fn attempts(dump: &Dump, lives: &BTreeMap<Uuid, Life<'_>>, newest: i64, faults: &mut Faults) {
    let calls = dump.by_id("calls", "generation_id");
    for (id, life) in lives {
        let Some((_, state)) = life.places.first() else { continue };
        if life.may_be_pruned(dump, "calls") {
            continue;
        }
        let own = calls.get(id).map_or(&[][..], Vec::as_slice);
        let made: BTreeSet<i64> = own.iter().map(|call| call.whole("attempt")).collect();
        let expected: BTreeSet<i64> = (1..=state.whole("attempt")).collect();
        faults.expect("I5", made == expected, || format!("{id} has calls of the attempts {made:?}, not {expected:?}"));
        faults
            .expect("I5", state.whole("spent") <= life.facts.whole("max_attempts"), || format!("{id} spent too many"));
        let generated = life.status() == "completed" && state.maybe_text("origin") == Some("generated");
        let booked = own.iter().any(|call| call.maybe_text("outcome") == Some("ok"));
        faults.expect("I6", booked || !generated, || format!("{id} has a result and no usage"));
    }
    let running: BTreeSet<Uuid> = dump.rows("runs").iter().map(|run| run.id("call_id")).collect();
    for call in dump.rows("calls").iter().filter(|call| call.maybe_whole("closed_at").is_none()) {
        let old = call.whole("opened_at") + 60 * MINUTE < newest;
        let fits = !old || running.contains(&call.id("id"));
        faults.expect("I6 of open calls", fits, || format!("{:?} is open and nobody's", call.id("id")));
    }
}

fn drafts(dump: &Dump, lives: &BTreeMap<Uuid, Life<'_>>, faults: &mut Faults) {
    let versions = dump.by_id("versions", "draft_id");
    for draft in dump.rows("drafts") {
        let id = draft.id("id");
        let numbers: BTreeSet<i64> =
            versions.get(&id).into_iter().flatten().map(|version| version.whole("number")).collect();
        let (current, count) = (draft.whole("current_version"), numbers.len() as i64);
        let counted = count == draft.whole("version_count") && (current == 0) == numbers.is_empty();
        let there = current == 0 || numbers.contains(&current);
        faults.expect("versions", counted && there, || format!("{id}: current {current} of {numbers:?}"));
        let live = draft.maybe_id("live_generation_id");
        let life = live.and_then(|live| lives.get(&live));
        let own = life.is_some_and(|life| life.is_live() && life.facts.id("draft_id") == id);
        faults.expect("live generation", own || live.is_none(), || format!("{id} waits for {live:?}"));
        let status = life.filter(|life| life.is_live()).map(Life::status);
        let fits = match draft.text("status") {
            word @ ("pending" | "processing") => count == 0 && status == Some(word),
            "draft" => draft.whole("version_count") > 0,
            "published" => draft.whole("version_count") > 0 && status.is_none(),
            _ => draft.whole("version_count") == 0 && status.is_none(),
        };
        faults.expect("draft status", fits, || format!("{id} is {} while {status:?}", draft.text("status")));
    }
}

/// A target is held by one live generation, which alone does not wait for it; keys belong to live ones.
fn locks(dump: &Dump, lives: &BTreeMap<Uuid, Life<'_>>, faults: &mut Faults) {
    let mut holders: BTreeMap<(Uuid, &str), Uuid> = BTreeMap::new();
    for lock in dump.rows("live_targets") {
        let (holder, target) = (lock.id("generation_id"), lock.text("target"));
        let fits = lives.get(&holder).is_some_and(|life| {
            life.is_live()
                && life.facts.maybe_text("target") == Some(target)
                && life.facts.id("workspace_id") == lock.id("workspace_id")
        });
        faults.expect("holders", fits, || format!("{target} is held by {holder}"));
        holders.insert((lock.id("workspace_id"), target), holder);
    }
    for life in lives.values().filter(|life| life.is_live()) {
        let Some(target) = life.facts.maybe_text("target") else { continue };
        let holder = holders.get(&(life.facts.id("workspace_id"), target));
        let waits = life.places.iter().any(|(table, row)| *table == "parked" && row.text("reason") == "target");
        let fits = if waits { holder.is_some_and(|other| *other != life.id) } else { holder == Some(&life.id) };
        faults.expect("waiting", fits, || format!("{} waits: {waits}, held by {holder:?}", life.id));
    }
    let mut keys = BTreeSet::new();
    for lock in dump.rows("live_keys") {
        let holder = lock.id("generation_id");
        let alive = lives.get(&holder).is_some_and(Life::is_live);
        let key: Vec<_> = ["workspace_id", "dedupe_key", "key_hash"].map(|column| lock.0.get(column).cloned()).into();
        faults.expect("keys", alive && keys.insert(key), || format!("a key is held by {holder}"));
    }
}

fn events(dump: &Dump, lives: &BTreeMap<Uuid, Life<'_>>, faults: &mut Faults) {
    let events = dump.by_id("events", "generation_id");
    for (id, life) in lives {
        let ends: Vec<&str> = events.get(id).into_iter().flatten().map(|event| event.text("kind")).collect();
        let ends = ends.iter().filter_map(|kind| kind.strip_prefix("generation."));
        let ends: Vec<&str> = ends.filter(|word| ["completed", "failed", "cancelled"].contains(word)).collect();
        let gone = ends.is_empty() && life.may_be_pruned(dump, "events");
        let fits = if life.is_live() { ends.is_empty() } else { gone || ends == [life.status()] };
        faults.expect("I19", fits, || format!("{id} is {} and announced {ends:?}", life.status()));
    }
}

/// What belongs to a generation belongs to its workspace.
fn workspaces(dump: &Dump, lives: &BTreeMap<Uuid, Life<'_>>, faults: &mut Faults) {
    for (table, column) in [
        ("inputs", "generation_id"),
        ("calls", "generation_id"),
        ("steps", "generation_id"),
        ("assets", "generation_id"),
        ("versions", "generation_id"),
        ("transfers", "generation_id"),
        ("ready", "id"),
        ("parked", "id"),
        ("runs", "id"),
        ("outcomes", "id"),
    ] {
        for row in dump.rows(table) {
            let Some(life) = row.maybe_id(column).and_then(|id| lives.get(&id)) else { continue };
            let fits = row.id("workspace_id") == life.facts.id("workspace_id");
            faults.expect("I21", fits, || format!("{table} of {} is in another workspace", life.id));
        }
    }
    let drafts: BTreeMap<Uuid, Uuid> =
        dump.rows("drafts").iter().map(|row| (row.id("id"), row.id("workspace_id"))).collect();
    for life in lives.values() {
        let fits = drafts.get(&life.facts.id("draft_id")) == Some(&life.facts.id("workspace_id"));
        faults.expect("I21", fits, || format!("the draft of {} is in another workspace", life.id));
    }
}

/// Where an engine keeps a list for each user, everything of the user's is in it.
fn lists(dump: &Dump, faults: &mut Faults) {
    let Some(listed) = dump.0.get("belongings") else { return };
    let listed: BTreeSet<(i64, Uuid)> = listed.iter().map(|row| (row.whole("user_no"), row.id("id"))).collect();
    let users: BTreeMap<(Uuid, Uuid), i64> =
        dump.rows("users").iter().map(|row| ((row.id("workspace_id"), row.id("id")), row.whole("no"))).collect();
    for table in ["drafts", "generations", "calls"] {
        for row in dump.rows(table) {
            let user = users.get(&(row.id("workspace_id"), row.id("user_id")));
            let fits = user.is_some_and(|user| listed.contains(&(*user, row.id("id"))));
            faults.expect("lists", fits, || format!("{:?} of {table} is in no list", row.id("id")));
        }
    }
}
