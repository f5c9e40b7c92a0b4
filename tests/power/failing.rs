//! A disk that fails now and then: writes, syncs and reads that end with EIO, and writes that are cut short.
//!
//! What was acknowledged is there, what was refused was refused as such, and when the disk is well again everything goes on
//! without a restart. A failed sync is the worst of them: Linux drops what it could not write and never tells again
//! (<https://wiki.postgresql.org/wiki/Fsync_Errors>), so whoever tries it once more loses data at the next power cut.

use std::{fs, os::unix::fs::FileExt as _};

use futures::future::join_all;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};

use super::{
    disk::Deaf,
    ended, journal,
    recording::{Recording, Scribe, What, recorded},
    replay,
};
use crate::support::{Answer, Home, missing, until};

/// `struct plan` in `recorder.c`.
const PLAN: usize = 16;
const CUTS: usize = 40;
const USERS: usize = 40;
const MORE: usize = 4;
const TENANTS: [&str; 3] = ["oak", "pine", "yew"];

/// What fails; in `recorder.c` by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Sync = 1,
    Write,
    ShortWrite,
    Read,
}

/// What the service is told to fail at, while it runs.
struct Plan(fs::File);

impl Plan {
    fn in_force(home: Home) -> (Home, Self) {
        let path = home.path("plan");
        fs::write(&path, [0; PLAN]).unwrap();
        let file = fs::File::options().read(true).write(true).open(&path).unwrap();
        (home.with("FAIL_FILE_CHANGES", path.to_str().unwrap()), Self(file))
    }

    fn fail(&self, fault: Fault, every: u32) {
        let words = [fault as u32, every, 0, 0];
        self.0.write_all_at(&words.map(u32::to_ne_bytes).concat(), 0).unwrap();
    }

    /// How often it failed.
    fn end(&self) -> u32 {
        let mut plan = [0; PLAN];
        self.0.read_exact_at(&mut plan, 0).unwrap();
        self.0.write_all_at(&[0; PLAN], 0).unwrap();
        u32::from_ne_bytes(plan[12..].try_into().unwrap())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_fails_now_and_then_loses_nothing_that_was_acknowledged() {
    if missing(&["cc"]) {
        return;
    }
    let seed: u64 = std::env::var("CHILIVIEW_SEED").map_or_else(|_| rand::random(), |seed| seed.parse().unwrap());
    println!("CHILIVIEW_SEED={seed}");
    let mut chance = StdRng::seed_from_u64(seed);
    let (home, journal, root) = recorded();
    let (home, plan) = Plan::in_force(home);
    let mut server = home.serve().await;
    let mut scribe = Scribe::new(journal.clone(), home.admin(&server).await);
    for slug in TENANTS {
        scribe.tenant(slug).await;
    }
    // A change takes one sync, and some dozen writes and reads.
    let faults = [(Fault::Sync, 3..12), (Fault::Write, 40..120), (Fault::ShortWrite, 2..6), (Fault::Read, 20..60)];
    for (round, (fault, every)) in faults.into_iter().enumerate() {
        plan.fail(fault, chance.random_range(every));
        let asked = scribe.client.post("/api/backups", json!({"scope": "all"})).await;
        let busy = TENANTS.map(|tenant| users(&scribe, tenant, round));
        let (refused, made) = tokio::join!(join_all(busy), tenants(&scribe, round));
        let refused = refused.iter().sum::<usize>();
        let failures = match fault {
            Fault::Sync => {
                // Who comes next reads what could not be written, as if it were there.
                server.kill();
                let failures = plan.end();
                server = home.serve().await;
                scribe.client = scribe.client.at(&server);
                failures
            }
            _ => plan.end(),
        };
        println!("{fault:?}: {failures} calls failed, {refused} of {} changes", TENANTS.len() * USERS);
        assert!(failures > 0, "{fault:?}");
        match fault {
            Fault::ShortWrite => assert_eq!((refused, asked.status, made), (0, 202, MORE), "it is gone on with"),
            _ => assert!(0 < refused && refused < TENANTS.len() * USERS, "{fault:?}: {refused}"),
        }
        let client = &scribe.client;
        until("the service to be ready", async || (client.get("/readyz").await.status == 200).then_some(())).await;
        until("every backup to end", async || ended(client, "/api/backups").await.then_some(())).await;
        scribe.back_up().await;
    }
    proven_again(&home, &scribe).await;
    assert!(server.stop().await.success());
    // A tenant whose row's commit failed has a database that nobody will ask for.
    home.doctor(&["--repair"]);
    let (code, report) = home.doctor(&[]);
    assert_eq!(code, 0, "{report:#}");

    let (records, client) = (journal::read(&journal), scribe.client.clone());
    let facts = scribe.into_facts();
    let recording = Recording { root, records, facts, restores: Vec::new(), client };
    let lost = replay(&recording, Deaf::Nothing, CUTS, seed).await;
    assert!(lost.is_empty(), "seed {seed}: {lost:#?}");
}

/// Some more tenants; how many.
async fn tenants(scribe: &Scribe, round: usize) -> usize {
    let mut made = 0;
    for number in 0..MORE {
        let slug = format!("more-{round}-{number}");
        let answer = scribe.client.post("/api/tenants", json!({"slug": slug, "name": "One more"})).await;
        if was_made(&answer) {
            scribe.note(What::Tenant { slug });
            made += 1;
        }
    }
    made
}

/// A refusal tells of the service, never of the request.
fn was_made(answer: &Answer) -> bool {
    match answer.status {
        201 => true,
        500..600 => false,
        other => panic!("{other}: {}", String::from_utf8_lossy(&answer.body)),
    }
}

/// As many as there are, each noted when it is acknowledged; how many were refused.
async fn users(scribe: &Scribe, tenant: &str, round: usize) -> usize {
    let mut refused = 0;
    for number in 0..USERS {
        let username = format!("r{round}u{number}");
        let user = json!({"username": username, "email": format!("{username}@example.com")});
        let answer = scribe.client.post(&format!("/api/tenants/{tenant}/users"), user).await;
        match was_made(&answer) {
            true => scribe.note(What::User { tenant: tenant.to_owned(), username }),
            false => refused += 1,
        }
    }
    refused
}

/// What was verified while the disk failed restores, and whoever was acknowledged is there.
async fn proven_again(home: &Home, scribe: &Scribe) {
    let verified = |backups: &[Value]| -> Vec<String> {
        let verified = backups.iter().filter(|backup| backup["status"] == "verified");
        verified.map(|backup| backup["id"].as_str().unwrap().to_owned()).collect()
    };
    let client = &scribe.client;
    let before = verified(&client.all("/api/backups").await);
    for id in &before {
        client.post(&format!("/api/backups/{id}/prove"), json!({})).await.expect(202);
    }
    until("every proof to end", async || ended(client, "/api/backups").await.then_some(())).await;
    assert_eq!(verified(&client.all("/api/backups").await), before);
    let said = fs::read_to_string(home.path("data/logs/chiliview.log")).unwrap();
    assert!(!said.contains("panicked"), "{said}");
}
