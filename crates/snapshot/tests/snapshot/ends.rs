//! How work ends early: cancelled, dropped, killed. Nothing of it stays.

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use chiliview_snapshot::{
    Depth, Entry, Error, Identities, Phase, Progress, Shelf, Swept, Watch, prove, sweep_scratch, write,
};
use tokio_util::sync::CancellationToken;

use crate::common::{self, Fixture};

/// Runs `act` at the first report of `phase` that has bytes done.
fn when(phase: Phase, cancel: &CancellationToken, act: impl Fn() + Send + Sync + 'static) -> Watch {
    let progress = move |at: Progress| {
        if at.phase == phase && at.done_bytes > 0 {
            act();
        }
    };
    Watch { cancel: cancel.clone(), progress: Arc::new(progress) }
}

fn cancelled_in(phase: Phase) -> Watch {
    let cancel = CancellationToken::new();
    let token = cancel.clone();
    when(phase, &cancel, move || token.cancel())
}

#[tokio::test]
async fn a_cancelled_write_leaves_nothing() {
    let fixture = Fixture::new().await;
    let _live = fixture.live(60_000).await;
    let outcome = write(common::request(&fixture.database()), &fixture.shelf, &cancelled_in(Phase::Reading)).await;
    assert!(matches!(outcome, Err(Error::Cancelled)), "{outcome:?}");
    assert!(fixture.files().is_empty());
    let manifest = fixture.write().await.unwrap();
    fixture.prove(&manifest, Depth::Quick).await.unwrap();
}

#[tokio::test]
async fn a_cancelled_proof_leaves_nothing() {
    let fixture = Fixture::new().await;
    let _live = fixture.live(60_000).await;
    let manifest = fixture.write().await.unwrap();
    let watch = cancelled_in(Phase::Unpacking);
    let outcome =
        prove(&fixture.shelf, &fixture.key(), &manifest, Depth::Quick, &Identities::none(), &fixture.scratch(), &watch)
            .await;
    assert!(matches!(outcome, Err(Error::Cancelled)), "{outcome:?}");
    assert!(fixture.scratch_is_empty());
}

#[tokio::test]
async fn a_token_cancelled_beforehand_ends_everything_at_once() {
    let fixture = Fixture::new().await;
    let _live = fixture.live(10).await;
    let watch = Watch::unobserved();
    watch.cancel.cancel();
    assert!(matches!(write(common::request(&fixture.database()), &fixture.shelf, &watch).await, Err(Error::Cancelled)));
    assert!(fixture.files().is_empty());
}

#[tokio::test]
async fn a_dropped_write_ends_and_leaves_nothing() {
    let fixture = Fixture::new().await;
    let _live = fixture.live(60_000).await;
    let (reached, mut reading) = tokio::sync::mpsc::unbounded_channel();
    let watch = when(Phase::Reading, &CancellationToken::new(), move || reached.send(()).unwrap_or_default());
    let shelf = fixture.shelf.clone();
    let request = common::request(&fixture.database());
    let task = tokio::spawn(async move { write(request, &shelf, &watch).await });
    reading.recv().await.unwrap();
    task.abort();
    // The channel closes when the blocking work has let go of the watch.
    while reading.recv().await.is_some() {}
    until(async || fixture.files().is_empty()).await;
}

#[tokio::test]
async fn progress_grows_to_the_whole() {
    let fixture = Fixture::new().await;
    let _live = fixture.live(60_000).await;
    let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let watch = Watch { progress: Arc::new(move |at| log.lock().unwrap().push(at)), ..Watch::unobserved() };
    let manifest = write(common::request(&fixture.database()), &fixture.shelf, &watch).await.unwrap().manifest;
    prove(&fixture.shelf, &fixture.key(), &manifest, Depth::Quick, &Identities::none(), &fixture.scratch(), &watch)
        .await
        .unwrap();
    let seen = seen.lock().unwrap();
    for phase in [Phase::Reading, Phase::Publishing, Phase::Unpacking, Phase::Checking] {
        let of_phase: Vec<u64> = seen.iter().filter(|at| at.phase == phase).map(|at| at.done_bytes).collect();
        assert!(of_phase.is_sorted(), "{phase:?}");
        assert_eq!((of_phase[0], *of_phase.last().unwrap()), (0, manifest.plain_bytes), "{phase:?}");
    }
}

/// Not a test of its own: the next one runs it in another process and kills it while it reads or proves.
#[tokio::test]
#[ignore = "runs as the other process of another test"]
async fn work_that_never_ends() {
    let dir = std::path::PathBuf::from(std::env::var_os("CHILIVIEW_TEST_DIR").unwrap());
    let shelf = match std::env::var("CHILIVIEW_TEST_ENDPOINT") {
        Ok(endpoint) => common::shelves::shelf(&endpoint).await,
        Err(_) => Shelf::directory(dir.join("shelf")).await.unwrap(),
    };
    let hang = |phase| when(phase, &CancellationToken::new(), || std::thread::sleep(Duration::from_secs(600)));
    let request = common::request(&dir.join("reseller ü?#%.db"));
    let key = request.key();
    if let Ok(manifest) = shelf.manifest(&key).await {
        let _ = prove(
            &shelf,
            &key,
            &manifest,
            Depth::Quick,
            &Identities::none(),
            &dir.join("scratch"),
            &hang(Phase::Unpacking),
        )
        .await;
    }
    let _ = write(request, &shelf, &hang(Phase::Reading)).await;
}

/// A process that does not outlive the test.
struct Other(Child);

impl Other {
    fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        let _ = self.0.kill().and_then(|()| self.0.wait());
    }
}

fn other_process(fixture: &Fixture) -> Other {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "ends::work_that_never_ends", "--ignored"]).env("CHILIVIEW_TEST_DIR", fixture.dir.path());
    if let Some(server) = &fixture.server {
        command.env("CHILIVIEW_TEST_ENDPOINT", server.endpoint());
    }
    command.stdout(Stdio::null()).stderr(Stdio::null());
    Other(command.spawn().unwrap())
}

#[tokio::test]
async fn what_a_killed_process_left_is_recognised_and_removed_and_a_living_ones_is_not() {
    let fixture = Fixture::new().await;
    let _live = fixture.live(60_000).await;
    let mut writer = other_process(&fixture);
    until(async || partials(&fixture.shelf).await == [true]).await;
    assert_eq!(fixture.shelf.sweep().await.unwrap(), Swept::default());
    writer.kill();
    fixture.let_a_day_pass();
    assert_eq!(partials(&fixture.shelf).await, [false]);
    assert_eq!(fixture.shelf.sweep().await.unwrap().files, 1);
    assert!(fixture.files().is_empty());
}

#[tokio::test]
async fn scratch_files_of_a_killed_process_are_removed_and_a_living_ones_are_not() {
    let fixture = Fixture::new().await;
    let _live = fixture.live(60_000).await;
    fixture.write().await.unwrap();
    let mut prover = other_process(&fixture);
    until(async || somebody_holds_a_file(&fixture.scratch())).await;
    assert_eq!(sweep_scratch(&fixture.scratch()).await.unwrap(), Swept::default());
    prover.kill();
    assert_eq!(sweep_scratch(&fixture.scratch()).await.unwrap().files, 1);
    assert!(fixture.scratch_is_empty());
}

/// Made and locked: in between a sweep may take it, and its maker takes another.
fn somebody_holds_a_file(dir: &Path) -> bool {
    let held = |path: &Path| {
        File::open(path).is_ok_and(|file| matches!(file.try_lock(), Err(std::fs::TryLockError::WouldBlock)))
    };
    dir.read_dir().is_ok_and(|mut entries| entries.any(|entry| held(&entry.unwrap().path())))
}

async fn partials(shelf: &Shelf) -> Vec<bool> {
    let mut list = shelf.list();
    let mut found = Vec::new();
    while let Some(entry) = list.recv().await {
        if let Entry::Partial { alive, .. } = entry.unwrap() {
            found.push(alive);
        }
    }
    found
}

async fn until(condition: impl AsyncFn() -> bool) {
    let wait = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), wait).await.expect("the condition comes true");
}
