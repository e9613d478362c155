//! Credits: chains, balances, holds, gifts, lots.

use super::Faults;
use super::dump::{Dump, Row};
use copydesk_core::ledger::chain::{ChainHash, link};
use copydesk_core::ledger::{Transfer, TransferKind};
use copydesk_core::{GenerationId, MicroCredits, Timestamp, TransferId, UserId, WorkspaceId};
use std::collections::BTreeMap;
use uuid::Uuid;

/// Kind, the account that gives, the account that gets.
const SIDES: [(&str, &str, &str); 12] = [
    ("grant", "platform_grants", "user_available"),
    ("purchase", "platform_sales", "user_available"),
    ("hold", "user_available", "user_held"),
    ("settle", "user_held", "platform_revenue"),
    ("release", "user_held", "user_available"),
    ("refund", "platform_revenue", "user_available"),
    ("adjust_up", "platform_adjustments", "user_available"),
    ("adjust_down", "user_available", "platform_adjustments"),
    ("gift_sent", "user_available", "platform_gifts"),
    ("gift_received", "platform_gifts", "user_available"),
    ("expire", "user_available", "platform_expired"),
    ("absorb", "platform_absorbed", "platform_revenue"),
];

type Owner = (Uuid, Uuid);

fn owner(row: &Row) -> Owner {
    (row.id("workspace_id"), row.id("user_id"))
}

pub(super) fn check(dump: &Dump, faults: &mut Faults) {
    let mut chains: BTreeMap<Owner, Vec<&Row>> = BTreeMap::new();
    for row in dump.rows("transfers") {
        chains.entry(owner(row)).or_default().push(row);
    }
    for chain in chains.values_mut() {
        chain.sort_by_key(|row| row.whole("chain_seq"));
    }
    let accounts: BTreeMap<Owner, &Row> = dump.rows("accounts").iter().map(|row| (owner(row), row)).collect();
    for (owner, chain) in &chains {
        sides(chain, faults);
        follow(chain, faults);
        faults.expect("I8", accounts.contains_key(owner), || format!("{owner:?} has transfers and no account"));
    }
    for (owner, account) in &accounts {
        end(account, chains.get(owner).map_or(&[][..], Vec::as_slice), faults);
    }
    holds(dump, faults);
    gifts(dump, faults);
    lots(dump, &accounts, faults);
}

fn sides(chain: &[&Row], faults: &mut Faults) {
    for row in chain {
        let booked = (row.text("kind"), row.text("debit_account"), row.text("credit_account"));
        let fits = SIDES.contains(&booked) && row.whole("amount") > 0;
        faults.expect("I7", fits, || format!("{booked:?} of {}", row.whole("amount")));
    }
}

/// What a row does to an account of its user.
fn moved(row: &Row, account: &str) -> i64 {
    let amount = row.whole("amount");
    let gets = if row.text("credit_account") == account { amount } else { 0 };
    let gives = if row.text("debit_account") == account { amount } else { 0 };
    gets - gives
}

/// Link after link: numbers without gap, hashes, and balances that follow and are never negative.
fn follow(chain: &[&Row], faults: &mut Faults) {
    let (mut hash, mut available, mut held) = (ChainHash::START, 0, 0);
    for (before, row) in chain.iter().enumerate() {
        let id = row.id("id");
        let stored = row.maybe_bytes("chain_hash").unwrap_or_default();
        let linked = link(hash, &transfer(row));
        let follows = row.whole("chain_seq") == before as i64 + 1 && stored == linked.0;
        faults.expect("I29", follows, || format!("link {} of {id}", row.whole("chain_seq")));
        available += moved(row, "user_available");
        held += moved(row, "user_held");
        faults.expect("I11", available >= 0 && held >= 0, || format!("{available} and {held} after {id}"));
        let noted = (row.whole("available_after"), row.whole("held_after"));
        faults.expect("I8 of rows", noted == (available, held), || format!("{noted:?} after {id}"));
        hash = linked;
        if stored != linked.0 {
            hash = ChainHash(stored.try_into().unwrap_or([0; 32]));
        }
    }
}

fn transfer(row: &Row) -> Transfer {
    Transfer {
        id: TransferId(row.id("id")),
        workspace: WorkspaceId(row.id("workspace_id")),
        user: UserId(row.id("user_id")),
        kind: TransferKind::parse(row.text("kind")).expect("a kind the table knows"),
        amount: MicroCredits::new(row.whole("amount")).unwrap_or(MicroCredits::ZERO),
        generation: row.maybe_id("generation_id").map(GenerationId),
        reference: row.maybe_text("reference").map(str::to_owned),
        reason: row.maybe_text("reason").map(str::to_owned),
        peer: row.maybe_id("peer_id").map(UserId),
        expires_at: row.maybe_whole("expires_at").map(Timestamp::from_micros),
        at: Timestamp::from_micros(row.whole("created_at")),
    }
}

/// An account is the fold of its transfers and names the last link.
fn end(account: &Row, chain: &[&Row], faults: &mut Faults) {
    let fold = |name: &str| chain.iter().map(|row| moved(row, name)).sum::<i64>();
    let (available, held) = (account.whole("available"), account.whole("held"));
    let folded = (fold("user_available"), fold("user_held"));
    faults.expect("I8", (available, held) == folded, || format!("{:?} has {available} and {held}", owner(account)));
    faults.expect("I11", available >= 0 && held >= 0, || format!("{:?} has {available}, {held}", owner(account)));
    let last = chain.last().map_or((0, None), |row| (row.whole("chain_seq"), row.maybe_bytes("chain_hash")));
    let named = (account.whole("chain_seq"), account.maybe_bytes("chain_hash"));
    let fits = last.0 == named.0 && (last.1.is_none() || last.1 == named.1);
    faults.expect("I29", fits, || format!("{:?} does not name its last link", owner(account)));
}

/// Per generation: hold = settle + release + open; who failed has not paid; refunds stay within what was settled.
fn holds(dump: &Dump, faults: &mut Faults) {
    let (transfers, outcomes) = (dump.by_id("transfers", "generation_id"), dump.by_id("outcomes", "id"));
    let mut open: BTreeMap<Uuid, i64> = BTreeMap::new();
    for generation in dump.rows("generations") {
        let id = generation.id("id");
        let own = transfers.get(&id).map_or(&[][..], Vec::as_slice);
        let of = |kind: &str| own.iter().filter(|row| row.text("kind") == kind).copied().collect::<Vec<&Row>>();
        let sum = |kind: &str| of(kind).iter().map(|row| row.whole("amount")).sum::<i64>();
        let once = ["hold", "settle", "release", "absorb"].iter().all(|kind| of(kind).len() <= 1);
        let (hold, settle, release) = (sum("hold"), sum("settle"), sum("release"));
        let outcome = outcomes.get(&id).and_then(|rows| rows.first());
        let rest = hold - settle - release;
        let resolved = if outcome.is_some() { rest == 0 } else { settle == 0 && release == 0 };
        let agreed = hold == generation.whole("hold");
        faults.expect("I9", once && resolved && agreed, || format!("{id}: {hold}, {settle}, {release}"));
        faults.expect("I9", sum("refund") <= settle, || format!("{id}: refunds of {} of {settle}", sum("refund")));
        let noted = outcome.map_or(0, |row| row.whole("settled"));
        let absorbed = sum("absorb") == 0 || settle == hold;
        faults
            .expect("I12", settle == noted && settle <= hold && absorbed, || format!("{id}: {settle}, noted {noted}"));
        let free = outcome
            .is_some_and(|row| row.text("status") != "completed" || row.maybe_text("origin") == Some("fallback"));
        faults
            .expect("I13", !free || (settle == 0 && release == hold), || format!("{id} ended badly and paid {settle}"));
        *open.entry(generation.id("workspace_id")).or_default() += rest;
    }
    for (workspace, open) in open {
        let own = dump.rows("accounts").iter().filter(|row| row.id("workspace_id") == workspace);
        let held: i64 = own.map(|row| row.whole("held")).sum();
        faults.expect("I10", held == open, || format!("{held} is held in {workspace}, {open} is open"));
    }
}

fn gifts(dump: &Dump, faults: &mut Faults) {
    let mut gifts: BTreeMap<(Uuid, &str), Vec<&Row>> = BTreeMap::new();
    for row in dump.rows("transfers").iter().filter(|row| row.text("kind").starts_with("gift_")) {
        gifts.entry((row.id("workspace_id"), row.text("reference"))).or_default().push(row);
    }
    for (gift, mut rows) in gifts {
        rows.sort_by_key(|row| row.text("kind"));
        let fits = match rows[..] {
            [received, sent] => {
                (received.text("kind"), sent.text("kind")) == ("gift_received", "gift_sent")
                    && received.whole("amount") == sent.whole("amount")
                    && received.maybe_id("peer_id") == Some(sent.id("user_id"))
                    && sent.maybe_id("peer_id") == Some(received.id("user_id"))
            }
            _ => false,
        };
        faults.expect("gifts", fits, || format!("{gift:?}"));
    }
}

fn lots(dump: &Dump, accounts: &BTreeMap<Owner, &Row>, faults: &mut Faults) {
    let grants: BTreeMap<Uuid, &Row> = dump.rows("transfers").iter().map(|row| (row.id("id"), row)).collect();
    let mut sums: BTreeMap<Owner, (i64, i64)> = accounts.keys().map(|owner| (*owner, (0, 0))).collect();
    for lot in dump.rows("lots") {
        let fits = grants.get(&lot.id("transfer_id")).is_some_and(|grant| {
            ["grant", "purchase"].contains(&grant.text("kind"))
                && owner(grant) == owner(lot)
                && grant.maybe_whole("expires_at") == Some(lot.whole("expires_at"))
                && (1..=grant.whole("amount")).contains(&lot.whole("remaining"))
        });
        faults.expect("lots", fits, || format!("{lot:?}"));
        let sum = sums.entry(owner(lot)).or_default();
        *sum = (sum.0 + 1, sum.1 + lot.whole("remaining"));
    }
    for (owner, (count, remaining)) in sums {
        let fits = accounts.get(&owner).is_some_and(|account| {
            account.whole("lots") == count && remaining <= account.whole("available") + account.whole("held")
        });
        faults.expect("lots", fits, || format!("{owner:?} has {count} lots with {remaining}"));
    }
}
