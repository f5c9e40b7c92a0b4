//! What several processes do to one database, and what is left of one that is killed.

use std::{
    collections::BTreeSet,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU64, Ordering},
};

use chiliview_store::{Database, Result, Settings, Store, Tx};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use secrecy::ExposeSecret;

use crate::{
    common::{child, make_probe, names, open, put, read, runtime, write},
    engines::{on_every_settings, skipped},
};

const WRITE_IN: &str = "CHILIVIEW_TEST_WRITE_IN";
const WRITE_ON: &str = "CHILIVIEW_TEST_WRITE_ON";
const WRITERS: &str = "CHILIVIEW_TEST_WRITERS";
const WRITES: &str = "CHILIVIEW_TEST_WRITES";
const ROUNDS: usize = 20;

/// One change of two rows: either both are there or none.
async fn both(tx: &mut Tx, name: &str) -> Result<()> {
    put(tx, &format!("{name} a")).await?;
    put(tx, &format!("{name} b")).await
}

fn acknowledge(name: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("acknowledged {name}\n").as_bytes()).unwrap();
    out.flush().unwrap();
}

async fn write_on_and_on(store: &Store) {
    let number = |name: &str| std::env::var(name).unwrap().parse::<u64>().unwrap();
    let (writers, writes, next) = (number(WRITERS), number(WRITES), AtomicU64::new(0));
    let own = std::process::id();
    let writer = async || {
        loop {
            let turn = next.fetch_add(1, Ordering::SeqCst);
            if turn >= writes {
                return;
            }
            let name = format!("{own}-{turn}");
            write(store.central(), async |tx| both(tx, &name).await).await;
            acknowledge(&name);
        }
    };
    futures::future::join_all((0..writers).map(|_| writer())).await;
}

/// In a process of its own, writers that say what was acknowledged. Told by the environment; else nothing.
#[test]
fn a_process_that_writes() {
    let Ok(directory) = std::env::var(WRITE_IN) else { return };
    let settings =
        Settings { database_url: std::env::var(WRITE_ON).ok().map(Into::into), ..Settings::sqlite(directory) };
    runtime().block_on(async {
        let store = open(&settings).await;
        make_probe(store.central()).await;
        write_on_and_on(&store).await;
    });
}

fn writing(settings: &Settings, writers: u64, writes: u64) -> Command {
    let mut child = child("processes::a_process_that_writes");
    child.env(WRITE_IN, &settings.data_dir).env(WRITERS, writers.to_string()).env(WRITES, writes.to_string());
    if let Some(url) = &settings.database_url {
        child.env(WRITE_ON, url.expose_secret());
    }
    child.stdout(Stdio::piped());
    child
}

/// Reads what was acknowledged, kills the process after `patience` of it, and reads the rest.
fn kill_after(child: &mut Child, patience: usize) -> BTreeSet<String> {
    let mut acknowledged = BTreeSet::new();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let mut killed = false;
    loop {
        let mut line = String::new();
        lines.read_line(&mut line).unwrap();
        // A line that the kill cut short was not received.
        let Some(whole) = line.strip_suffix('\n') else { break };
        if let Some(name) = whole.strip_prefix("acknowledged ") {
            acknowledged.insert(name.to_owned());
        }
        if acknowledged.len() >= patience && !killed {
            child.kill().unwrap();
            killed = true;
        }
    }
    assert!(killed, "it ended by itself");
    child.wait().unwrap();
    acknowledged
}

async fn whole(database: &Database, acknowledged: &BTreeSet<String>, what: &str) {
    let found: BTreeSet<String> = names(database).await.into_iter().collect();
    for name in acknowledged {
        assert!(found.contains(&format!("{name} a")) && found.contains(&format!("{name} b")), "{what}: {name} is lost");
    }
    for name in found.iter().filter_map(|name| name.strip_suffix(" a")) {
        assert!(found.contains(&format!("{name} b")), "{what}: {name} is half there");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_when_the_process_is_killed() {
    let seed: u64 = std::env::var("CHILIVIEW_TEST_SEED").map_or_else(|_| rand::random(), |seed| seed.parse().unwrap());
    println!("CHILIVIEW_TEST_SEED={seed}");
    on_every_settings(async |settings| {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut acknowledged = BTreeSet::new();
        for round in 0..ROUNDS {
            let mut child = writing(&settings, rng.random_range(1..64), u64::MAX).spawn().unwrap();
            acknowledged.extend(kill_after(&mut child, rng.random_range(1..400)));
            let store = open(&settings).await;
            whole(store.central(), &acknowledged, &format!("seed {seed}, round {round}")).await;
            write(store.central(), async |tx| put(tx, &format!("round {round}")).await).await;
            if store.engine() == chiliview_store::Engine::Sqlite {
                let check = "SELECT * FROM pragma_integrity_check";
                let (sound,): (String,) = read(store.central(), async |tx| tx.query(check).fetch_one().await).await;
                assert_eq!(sound, "ok");
            }
            store.close().await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn four_processes_open_one_fresh_directory_at_once_and_all_write() {
    on_every_settings(async |settings| {
        let children: Vec<Child> = (0..4).map(|_| writing(&settings, 8, 100).spawn().unwrap()).collect();
        for mut child in children {
            let mut said = String::new();
            child.stdout.take().unwrap().read_to_string(&mut said).unwrap();
            assert!(child.wait().unwrap().success(), "{said}");
            assert_eq!(said.matches("acknowledged ").count(), 100, "{said}");
        }
        assert_eq!(names(open(&settings).await.central()).await.len(), 800);
    })
    .await;
}

/// What strace saw of one process, as far as it matters here.
#[derive(Default)]
struct Seen {
    unsynced: bool,
    syncs: usize,
    syncing: BTreeSet<String>,
    acknowledged: usize,
}

impl Seen {
    /// A line of `strace -f -y`: `<pid> <call>(<descriptor><path>…) = <result>`, or its two halves.
    fn line(&mut self, line: &str) {
        let (pid, call) = line.split_once(' ').unwrap();
        let (pid, call) = (pid.to_owned(), call.trim_start());
        let is_sync = call.starts_with("fdatasync(") || call.starts_with("fsync(");
        if call.starts_with("pwrite64(") && call.contains("-wal>") {
            self.unsynced = true;
        } else if is_sync && call.contains("-wal>") && call.contains("<unfinished") {
            self.syncing.insert(pid);
        } else if (is_sync && call.contains("-wal>")) || (call.contains("sync resumed>") && self.syncing.remove(&pid)) {
            if call.trim_end().ends_with("= ?") {
                // The process has ended, after its last acknowledgement: nothing is claimed of what it closed.
                return;
            }
            assert!(call.trim_end().ends_with("= 0"), "{line}");
            self.unsynced = false;
            self.syncs += 1;
        } else if call.starts_with("write(1<") && call.contains("\"acknowledged ") {
            assert!(!self.unsynced && self.syncs > 0, "acknowledged before it was on disk: {line}");
            (self.syncs, self.acknowledged) = (0, self.acknowledged + 1);
        }
    }
}

/// kill -9 cannot show a missing fsync; the system calls do.
#[tokio::test(flavor = "multi_thread")]
async fn the_wal_is_synced_between_a_write_and_its_acknowledgement() {
    let directory = tempfile::tempdir().unwrap();
    let trace = directory.path().join("trace");
    let settings = Settings::sqlite(directory.path().join("data"));
    let plain = writing(&settings, 1, 50);
    let mut traced = Command::new("strace");
    traced.args(["-f", "-y", "-e", "trace=fsync,fdatasync,write,pwrite64", "-o"]).arg(&trace).arg(plain.get_program());
    traced.args(plain.get_args()).envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let Ok(output) = traced.stdin(Stdio::null()).output() else { return skipped("strace is not installed") };
    let Ok(trace) = std::fs::read_to_string(&trace) else { return skipped("nothing may be traced here") };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut seen = Seen::default();
    trace.lines().for_each(|line| seen.line(line));
    assert_eq!(seen.acknowledged, 50);
}
