//! The power fails at any moment: `kill -9` cannot show a missing fsync, because the kernel still has what was written.
//!
//! The real binary does a day's work under a recorder of its system calls (`power/recorder.c`); the recording is replayed onto
//! a model of a disk ([`disk`]) that fails at moments drawn by chance, losing and tearing what was not synced; and what is
//! left is opened and compared with what had been acknowledged. Then the same with single syncs left out, to show that the
//! comparison finds what is lost.

mod disk;
mod failing;
mod journal;
mod recording;
mod verdict;

use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::Value;

use self::{
    disk::{Deaf, Disk},
    recording::{Recording, record},
};
use crate::support::{Client, Home, PASSWORD, missing, until};

const CUTS: usize = 150;
/// After these, the service itself is started on what is left.
const REVIVALS: usize = 5;
/// A disk that leaves out syncs is caught within so many cuts.
const CUTS_WHEN_DEAF: usize = 60;

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_a_power_cut_at_any_moment() {
    if missing(&["cc"]) {
        return;
    }
    let seed: u64 = std::env::var("CHILIVIEW_SEED").map_or_else(|_| rand::random(), |seed| seed.parse().unwrap());
    println!("CHILIVIEW_SEED={seed}");
    let recording = record().await;
    println!("{} system calls, {} promises", recording.records.len(), recording.facts.len());

    let lost = replay(&recording, Deaf::Nothing, CUTS, seed).await;
    assert!(lost.is_empty(), "seed {seed}: {lost:#?}");
    for deaf in [Deaf::Log, Deaf::Directories, Deaf::Artefacts] {
        let lost = replay(&recording, deaf, CUTS_WHEN_DEAF, seed).await;
        println!(
            "without the syncs of {deaf:?}: {} of {CUTS_WHEN_DEAF} power cuts lost something, such as {:?}",
            lost.len(),
            lost.first()
        );
        assert!(!lost.is_empty(), "seed {seed}: a disk that is deaf to {deaf:?} loses nothing: the test sees nothing");
    }
    revive(&recording, seed).await;
}

/// What was lost, by cut.
async fn replay(recording: &Recording, deaf: Deaf, cuts: usize, seed: u64) -> Vec<(u64, Vec<String>)> {
    let mut chance = StdRng::seed_from_u64(seed);
    let mut disk = Disk::new(recording.root, deaf);
    let mut records = recording.records.iter().peekable();
    let mut lost = Vec::new();
    for cut in moments(recording, cuts, &mut chance) {
        while let Some(record) = records.next_if(|record| record.end <= cut) {
            disk.apply(&record.change);
        }
        let left = scratch();
        disk.fail(left.path(), kept(&mut chance), &mut chance);
        let broken = verdict::broken(left.path(), recording, cut).await;
        if !broken.is_empty() {
            lost.push((cut, broken));
        }
    }
    lost
}

/// In memory where there is a place for it: what is looked at here need not survive.
fn scratch() -> tempfile::TempDir {
    let memory = std::path::Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap()
}

/// Places in the journal, in order: half of them where an answer had just come.
fn moments(recording: &Recording, cuts: usize, chance: &mut StdRng) -> Vec<u64> {
    let (facts, records) = (&recording.facts, &recording.records);
    let mut moments: Vec<u64> = (0..cuts)
        .map(|cut| match cut % 2 {
            0 => facts[chance.random_range(0..facts.len())].known_at,
            _ => records[chance.random_range(0..records.len())].end,
        })
        .collect();
    moments.sort_unstable();
    moments
}

/// How much of what was not synced is on the disk nevertheless: nothing, everything, or something.
fn kept(chance: &mut StdRng) -> f64 {
    match chance.random_range(0..6) {
        0 | 1 => 0.0,
        2 => 1.0,
        _ => chance.random_range(0.05..0.95),
    }
}

/// The service starts on what is left, its jobs come to an end, and `doctor` finds nothing that it would not repair.
async fn revive(recording: &Recording, seed: u64) {
    let mut chance = StdRng::seed_from_u64(seed);
    let mut moments = moments(recording, REVIVALS, &mut chance);
    let restored = &recording.restores[0];
    moments[REVIVALS / 2] = chance.random_range(restored.asked_at..restored.done_at);
    for cut in moments {
        let mut disk = Disk::new(recording.root, Deaf::Nothing);
        recording.records.iter().filter(|record| record.end <= cut).for_each(|record| disk.apply(&record.change));
        let home = Home::new().with_password(PASSWORD);
        disk.fail(&home.path("data"), kept(&mut chance), &mut chance);
        let server = home.serve().await;
        let begun = recording.facts.first().is_some_and(|fact| fact.known_at <= cut);
        // Its session is among what was acknowledged.
        let client = if begun { recording.client.at(&server) } else { home.admin(&server).await };
        for list in ["/api/backups", "/api/restores"] {
            until("every job to end", async || ended(&client, list).await.then_some(())).await;
        }
        assert!(server.stop().await.success());
        let broken = verdict::broken(&home.path("data"), recording, cut).await;
        assert!(broken.is_empty(), "seed {seed}, cut {cut}: {broken:#?}");
    }
}

async fn ended(client: &Client, list: &str) -> bool {
    let ended = |row: &Value| !["queued", "running", "verifying"].contains(&row["status"].as_str().unwrap());
    client.all(list).await.iter().all(ended)
}
