//! Jobs and bulk actions: counted again item by item, and each generation of a job held against its item.

use super::Faults;
use super::dump::Dump;
use copydesk_core::mail::MailStatus;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

const STATUSES: [&str; 6] = ["pending", "processing", "completed", "failed", "skipped", "cancelled"];

pub(super) fn check(dump: &Dump, faults: &mut Faults) {
    let items = dump.by_id("job_items", "job_id");
    for job in dump.rows("job_list") {
        let id = job.id("id");
        let own = items.get(&id).map_or(&[][..], Vec::as_slice);
        for status in STATUSES {
            let (said, there) = (job.whole(status), own.iter().filter(|item| item.text("status") == status).count());
            faults.expect("job counts", said == there as i64, || format!("{id}: {said} {status}, there are {there}"));
        }
        let open = own.iter().any(|item| ["pending", "processing"].contains(&item.text("status")));
        let over = job.maybe_whole("finished_at").is_some();
        faults.expect("job counts", !(over && open), || format!("{id} has ended with open items"));
    }
    generations(dump, faults);
    held(dump, faults);
    bulks(dump, faults);
    mailings(dump, faults);
}

/// What is held is of a job that is paused, and never began.
fn held(dump: &Dump, faults: &mut Faults) {
    let of: BTreeMap<Uuid, Option<Uuid>> =
        dump.rows("generations").iter().map(|row| (row.id("id"), row.maybe_id("job_id"))).collect();
    let paused: BTreeSet<Uuid> =
        dump.rows("job_list").iter().filter(|job| job.text("status") == "paused").map(|job| job.id("id")).collect();
    for row in dump.rows("parked").iter().filter(|row| row.text("reason") == "held") {
        let job = of.get(&row.id("id")).copied().flatten();
        let fits = job.is_some_and(|job| paused.contains(&job)) && row.whole("attempt") == 0;
        faults.expect("held", fits, || format!("{row:?} is held, and no job of its is paused"));
    }
}

fn bulks(dump: &Dump, faults: &mut Faults) {
    let items = dump.by_id("bulk_items", "bulk_id");
    for bulk in dump.rows("bulk_list") {
        let id = bulk.id("id");
        let own = items.get(&id).map_or(&[][..], Vec::as_slice);
        for outcome in ["open", "done", "skipped", "failed"] {
            let there = own.iter().filter(|item| item.text("outcome") == outcome).count() as i64;
            let said = bulk.whole(outcome);
            faults.expect("bulk counts", said == there, || format!("{id}: {said} {outcome}, there are {there}"));
        }
    }
}

fn mailings(dump: &Dump, faults: &mut Faults) {
    let mails = dump.by_id("mails", "mailing_id");
    for mailing in dump.rows("mailings") {
        let id = mailing.id("id");
        let own = mails.get(&id).map_or(&[][..], Vec::as_slice);
        for status in MailStatus::WORDS {
            let there = own.iter().filter(|mail| mail.text("status") == status).count() as i64;
            let said = mailing.whole(status);
            faults.expect("mailing counts", said == there, || format!("{id}: {said} {status}, there are {there}"));
        }
    }
}

fn generations(dump: &Dump, faults: &mut Faults) {
    let ended: BTreeMap<Uuid, &str> =
        dump.rows("outcomes").iter().map(|row| (row.id("id"), row.text("status"))).collect();
    let items: BTreeMap<(Uuid, i64), _> =
        dump.rows("job_items").iter().map(|row| ((row.id("job_id"), row.whole("seq")), row)).collect();
    let mut lives: BTreeSet<(Uuid, i64)> = BTreeSet::new();
    for row in dump.rows("generations") {
        let Some(job) = row.maybe_id("job_id") else { continue };
        let (id, item) = (row.id("id"), (job, row.whole("job_seq")));
        let Some(of) = items.get(&item) else {
            faults.expect("job items", false, || format!("{id} is of {item:?}, which is not there"));
            continue;
        };
        let (own, status) = (of.maybe_id("generation_id") == Some(id), of.text("status"));
        match ended.get(&id) {
            None => {
                faults.expect("job items", lives.insert(item), || format!("{item:?} has two live generations"));
                faults
                    .expect("job items", own && status == "processing", || format!("{id} lives, {item:?} is {status}"));
            }
            Some(end) if own => {
                let fits = status != "processing" && (status == "completed") == (*end == "completed");
                faults.expect("job items", fits, || format!("{id} is {end}, {item:?} is {status}"));
            }
            Some(_) => {}
        }
    }
}
