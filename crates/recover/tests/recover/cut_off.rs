//! Killed at every step and run again: exactly the old or exactly the new, never none.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use chiliview_recover::{Wanted, rebuild, restore_central};

use crate::platform::{Listener, Platform, back_up, closed, context, get, open, put, slugs, tenant};

const STOP_AT: &str = "CHILIVIEW_TEST_STOP_AT";
const AFTER: &str = "CHILIVIEW_TEST_AFTER";
const ROOT: &str = "CHILIVIEW_TEST_ROOT";
const SHELF: &str = "CHILIVIEW_TEST_SHELF";
const REBUILD: &str = "CHILIVIEW_TEST_REBUILD";

/// In a process of its own, a recovery that ends at a named point as `kill -9` would end it. Told by the environment; else
/// nothing.
#[test]
fn a_process_that_is_killed() {
    let Ok(point) = std::env::var(STOP_AT) else { return };
    let (root, shelf) = (PathBuf::from(std::env::var(ROOT).unwrap()), PathBuf::from(std::env::var(SHELF).unwrap()));
    let passes = std::sync::atomic::AtomicI64::new(std::env::var(AFTER).unwrap().parse().unwrap());
    fail::cfg_callback(point, move || {
        if passes.fetch_sub(1, std::sync::atomic::Ordering::SeqCst) <= 0 {
            std::process::abort();
        }
    })
    .unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let (context, mode) = (context(&root, &shelf), chiliview_recover::Mode::Do);
    runtime.block_on(async {
        match std::env::var(REBUILD).is_ok() {
            true => rebuild(context, mode, &mut Listener(true)).await.map(drop),
            false => restore_central(context, Wanted::Newest, mode, &mut Listener(true)).await.map(drop),
        }
        .unwrap();
    });
}

/// Whether the child was killed at `point`; false when it came past it alive.
fn killed(point: &str, after: u32, root: &Path, shelf: &Path, rebuilds: bool) -> bool {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "cut_off::a_process_that_is_killed"]).stdout(Stdio::null()).stderr(Stdio::null());
    child.env(STOP_AT, point).env(AFTER, after.to_string()).env(ROOT, root).env(SHELF, shelf);
    if rebuilds {
        child.env(REBUILD, "yes");
    }
    !child.status().unwrap().success()
}

/// Without the points there is nothing to be cut off at: said, not passed over.
fn no_points() -> bool {
    if fail::has_failpoints() {
        return false;
    }
    assert!(std::env::var("CI").as_deref() != Ok("true"), "CI builds with failpoints");
    eprintln!("skipped: built without failpoints");
    true
}

#[tokio::test(flavor = "multi_thread")]
async fn the_central_database_is_the_old_or_the_new_wherever_the_restore_was_killed() {
    if no_points() {
        return;
    }
    let steps = [("store.swap_staged", 0, false), ("store.swap_ready", 0, true), ("store.swap_renamed", 0, true)];
    let aside = [0, 1, 2, 3].map(|after| ("store.swap_aside", after, true));
    for (point, after, is_new) in steps.into_iter().chain(aside).chain([("store.swap_kept", 0, true)]) {
        let platform = Platform::new();
        let store = platform.store().await;
        tenant(&store, "both").await;
        back_up(&store, &platform.shelf(), None).await;
        let gone = tenant(&store, "old").await;
        closed(store).await;
        std::fs::remove_dir_all(platform.data_dir().tenant(gone)).unwrap();
        // A companion that must not meet the new database.
        std::fs::write(platform.root().join("chiliview.db-journal"), "").unwrap();
        assert!(killed(point, after, &platform.root(), &platform.shelf(), false), "{point}");
        let store = platform.store().await;
        let there = slugs(&store).await;
        closed(store).await;
        assert_eq!(there.contains(&"old".to_owned()), !is_new, "{point} {after}: {there:?}");
        assert!(there.contains(&"both".to_owned()), "{point}: never none");
        platform.restore(Wanted::Newest).await.unwrap();
        let store = platform.store().await;
        assert_eq!(slugs(&store).await, ["both"], "{point}: run again");
        closed(store).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuilding_goes_on_where_it_was_killed() {
    if no_points() {
        return;
    }
    for (point, after) in [
        ("recover.tenant", 0),
        ("recover.tenant", 1),
        ("recover.done", 0),
        ("recover.resellers", 0),
        ("recover.central", 0),
    ] {
        let platform = Platform::new();
        let store = platform.store().await;
        let mut ids = Vec::new();
        for slug in ["one", "two", "three"] {
            let id = tenant(&store, slug).await;
            put(&store, id, slug).await;
            back_up(&store, &platform.shelf(), Some((id, slug))).await;
            ids.push((id, slug));
        }
        back_up(&store, &platform.shelf(), None).await;
        closed(store).await;
        let into = platform.path().join("rebuilt");
        assert!(killed(point, after, &into, &platform.shelf(), true), "{point}");
        let settings = chiliview_store::Settings::sqlite(&into);
        let started =
            chiliview_store::Store::open(&settings, chiliview_store::Clock::system(), chiliview_store::Ids).await;
        assert!(started.is_err(), "{point}: nobody starts on half a platform");
        let report = platform.rebuild(&into).await.unwrap();
        assert_eq!(report.summary.problems, 0, "{point}: {:#?}", report.checks);
        let store = open(&into).await;
        for (id, slug) in ids {
            assert_eq!(get(&store, id).await.as_deref(), Some(slug), "{point}");
        }
        closed(store).await;
    }
}
