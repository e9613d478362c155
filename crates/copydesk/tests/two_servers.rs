//! Two real servers on one PostgreSQL, and one schedule: each of its times makes one generation, whoever sees it first and
//! whoever dies over it. That both are at the same time at once is not left to luck: a lock on a table holds them where the
//! next would be decided, until both are there.

use crate::postgres::Database;
use crate::support::{Place, Server, text};
use serde_json::Value;
use tokio_postgres::{Client, NoTls};

/// Both are about to accept the generation of one time, or have accepted it and are about to note it.
const GATES: [&str; 2] = ["generations", "schedule_runs"];
const TIMES: usize = 6;
/// Processes that stand before a lock.
const HELD: &str =
    "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";

/// A person with a console of the database.
struct Console {
    runtime: tokio::runtime::Runtime,
    client: Client,
}

impl Console {
    fn new(database: &Database) -> Console {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let client = runtime.block_on(async {
            let (client, connection) = tokio_postgres::connect(&database.url, NoTls).await.unwrap();
            tokio::spawn(connection);
            client
        });
        Console { runtime, client }
    }

    fn order(&self, sql: &str) {
        self.runtime.block_on(self.client.batch_execute(sql)).unwrap();
    }

    fn count(&self, sql: &str) -> i64 {
        self.runtime.block_on(self.client.query_one(sql, &[])).unwrap().get(0)
    }

    /// Asks again and again, with a breath between, so that whoever is waited for has the machine.
    #[track_caller]
    fn until(&self, what: &str, sql: &str, holds: impl Fn(i64) -> bool) {
        let ask = format!("select ({sql}) from pg_sleep(0.02)");
        assert!((0..3_000).any(|_| holds(self.count(&ask))), "waited in vain until {what}: {}", self.count(sql));
    }
}

#[track_caller]
fn read(server: &Server, key: &str, path: &str) -> Value {
    let (status, body) = server.http("GET", path, Some(key), "");
    assert_eq!(status, 200, "{body}");
    serde_json::from_str(&body).unwrap()
}

/// The next time of the only schedule begins now.
fn fall_due(console: &Console) {
    console.order("update schedules set start_at = now() - interval '1 second'");
}

#[test]
fn two_servers_on_one_schedule_make_one_generation_for_each_time() {
    let database = Database::new();
    let places = [(); 2].map(|()| Place::new().with("COPYDESK_DATABASE_URL", &database.url));
    let first = places[0].serve(&["--auto-migrate"]);
    let key = first.admin_key();
    let mut servers = [first, places[1].serve(&[])];
    // Every new year, so that no time but those of this test comes.
    let ask = r#"{"recipe": "text", "user": "ann", "cron": "0 8 1 1 *", "zone": "UTC", "external_id": "note-{date}",
                  "input": {"prompt": "Hello"}}"#;
    let (status, body) = servers[1].http("POST", "/api/v1/schedules", Some(&key), ask);
    assert_eq!(status, 201, "{body}");
    let (gate, console) = (Console::new(&database), Console::new(&database));
    for time in 0..TIMES {
        gate.order(&format!("begin; lock table {} in share mode", GATES[time % 2]));
        fall_due(&console);
        console.until("both are about to make it", HELD, |held| held >= 2);
        // One of them dies over it, by turns; not in the first two times.
        if time >= GATES.len() {
            let dies = time / 2 % 2;
            let [here, there] = servers;
            let (dead, lives) = if dies == 0 { (here, there) } else { (there, here) };
            dead.running.kill();
            let again = places[dies].serve(&[]);
            servers = if dies == 0 { [again, lives] } else { [lives, again] };
        }
        gate.order("commit");
        let noted = "select count(*) from schedule_runs where outcome = 'made'";
        console.until("it is noted", noted, |made| made == i64::try_from(time).unwrap() + 1);
        console.until("nobody is held", HELD, |held| held == 0);
    }
    let generations = read(&servers[0], &key, "/api/v1/generations?limit=100");
    let made: Vec<String> = generations["data"].as_array().unwrap().iter().map(|one| text(one, "/id")).collect();
    assert_eq!(made.len(), TIMES, "{generations:#}");
    for id in &made {
        let (_, events) = servers[1].http("GET", &format!("/api/v1/generations/{id}/stream"), Some(&key), "");
        assert!(events.contains("generation.completed"), "{events}");
    }
    let drafts = read(&servers[1], &key, "/api/v1/drafts?limit=100");
    let mut named: Vec<String> =
        drafts["data"].as_array().unwrap().iter().map(|draft| text(draft, "/external_id")).collect();
    named.sort();
    let years: Vec<String> = named.iter().map(|name| name["note-".len()..][..4].to_owned()).collect();
    let from: usize = years[0].parse().unwrap();
    assert_eq!(years, (from..from + TIMES).map(|year| year.to_string()).collect::<Vec<_>>(), "{named:?}");
    let missed = "select count(*) from schedule_runs where missed > 0 or outcome <> 'made'";
    assert_eq!((console.count(missed), console.count("select count(*) from drafts")), (0, 6));
    places[0].run(&["audit"]).exits(0).says("nothing was found");
}
