//! A whole platform out of nothing but its shelf.

use std::fs;

use chiliview_doctor::{Line, Status};
use chiliview_recover::{Failure, Mode, rebuild};
use chiliview_store::{
    BackupId, TenantId,
    backups::{self, BackupStatus},
    tenants::{self, TenantStatus},
};

use crate::platform::{Listener, Platform, back_up, closed, context, get, open, put, slugs, tenant};

#[tokio::test(flavor = "multi_thread")]
async fn everything_comes_back_as_its_newest_snapshot_that_proves_holds_it() {
    let platform = Platform::new();
    let store = platform.store().await;
    let (acme, beta) = (tenant(&store, "acme").await, tenant(&store, "beta").await);
    let never = tenant(&store, "never-backed-up").await;
    put(&store, acme, "old").await;
    let old = back_up(&store, &platform.shelf(), Some((acme, "acme"))).await;
    put(&store, acme, "new").await;
    let new = back_up(&store, &platform.shelf(), Some((acme, "acme"))).await;
    put(&store, beta, "before central").await;
    back_up(&store, &platform.shelf(), Some((beta, "beta"))).await;
    let central = back_up(&store, &platform.shelf(), None).await;
    put(&store, beta, "after central").await;
    back_up(&store, &platform.shelf(), Some((beta, "beta"))).await;
    let later = tenant(&store, "later").await;
    put(&store, later, "unknown to central").await;
    back_up(&store, &platform.shelf(), Some((later, "later"))).await;
    closed(store).await;
    platform.damage(Some(acme), new);
    let shelf = listing(&platform);

    let into = platform.path().join("rebuilt");
    let report = platform.rebuild(&into).await.unwrap();
    assert_eq!(listing(&platform), shelf, "the shelf is not touched");
    let of = |id| report.databases.iter().find(|one| one.tenant_id == id).unwrap();
    assert_eq!((of(Some(acme)).backup, of(Some(acme)).passed_over), (old, 1));
    assert_eq!(of(None).backup, central);
    assert_eq!(report.databases.len(), 4);
    assert!(report.checks.iter().any(|line| line.object == "never-backed-up"), "{:#?}", report.checks);
    // The snapshot that was passed over, its row, and the tenant that has none.
    assert_eq!(report.summary.problems, 3, "{:#?}", report.checks);

    let store = open(&into).await;
    assert_eq!(slugs(&store).await, ["acme", "beta", "later", "never-backed-up"]);
    assert_eq!(get(&store, acme).await.as_deref(), Some("old"));
    assert_eq!(get(&store, beta).await.as_deref(), Some("after central"), "newer than what central knows");
    assert_eq!(get(&store, later).await.as_deref(), Some("unknown to central"));
    assert!(store.tenant(never).await.is_err());
    let row = store.central().read(async |tx| tenants::find(tx, later).await).await.unwrap().unwrap();
    assert_eq!(row.status, TenantStatus::Suspended);
    let row = store.central().read(async |tx| backups::find(tx, new).await).await.unwrap().unwrap();
    assert_eq!(row.status, BackupStatus::Damaged);
    closed(store).await;
}

/// A tenant with three backups, of which the central database that is on the shelf knows the first alone; all of them.
async fn thrice(platform: &Platform) -> (TenantId, [BackupId; 3]) {
    let store = platform.store().await;
    let acme = tenant(&store, "acme").await;
    put(&store, acme, "first").await;
    let first = back_up(&store, &platform.shelf(), Some((acme, "acme"))).await;
    back_up(&store, &platform.shelf(), None).await;
    put(&store, acme, "second").await;
    let second = back_up(&store, &platform.shelf(), Some((acme, "acme"))).await;
    put(&store, acme, "third").await;
    let third = back_up(&store, &platform.shelf(), Some((acme, "acme"))).await;
    closed(store).await;
    (acme, [first, second, third])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manifest_that_cannot_be_read_just_now_stops_it_and_no_older_snapshot_is_taken_instead() {
    let platform = Platform::new();
    let (acme, [.., newest]) = thrice(&platform).await;
    let manifest = platform.manifest(Some(acme), newest);
    let whole = fs::read(&manifest).unwrap();
    // As of a disk or a server that does not answer: nobody can say what is in it.
    fs::remove_file(&manifest).unwrap();
    std::os::unix::fs::symlink(&manifest, &manifest).unwrap();
    let into = platform.path().join("rebuilt");
    let stopped = platform.rebuild(&into).await.unwrap_err();
    assert!(stopped.to_string().contains(manifest.to_str().unwrap()), "{stopped}");
    assert!(matches!(stopped, Failure::Snapshot(_)));
    fs::remove_file(&manifest).unwrap();
    fs::write(&manifest, whole).unwrap();
    let report = platform.rebuild(&into).await.unwrap();
    assert_eq!(report.summary.problems, 0, "{:#?}", report.checks);
    let store = open(&into).await;
    assert_eq!(get(&store, acme).await.as_deref(), Some("third"));
    closed(store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_manifest_is_passed_over_and_said_by_name() {
    let platform = Platform::new();
    let (acme, [first, second, third]) = thrice(&platform).await;
    fs::write(platform.manifest(Some(acme), third), "{").unwrap();
    // One in another's place says nothing about the snapshot beside it.
    fs::copy(platform.manifest(Some(acme), first), platform.manifest(Some(acme), second)).unwrap();
    let into = platform.path().join("rebuilt");
    let report = platform.rebuild(&into).await.unwrap();
    let taken = report.databases.iter().find(|one| one.tenant_id == Some(acme)).unwrap();
    assert_eq!((taken.backup, taken.passed_over), (first, 2));
    for (id, why) in [(third, "its manifest is unreadable"), (second, "another")] {
        let said = |line: &&Line| line.name == "snapshot" && line.message.contains(&id.to_string());
        let line = report.checks.iter().find(said).unwrap();
        assert_eq!((line.object.as_str(), line.status), ("acme", Status::Problem), "{line:?}");
        assert!(line.message.contains(why), "{line:?}");
    }
    let store = open(&into).await;
    assert_eq!(get(&store, acme).await.as_deref(), Some("first"));
    closed(store).await;
}

fn listing(platform: &Platform) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    let mut open = vec![platform.shelf()];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => open.push(path),
                false => found.push((path.display().to_string(), fs::read(path).unwrap())),
            }
        }
    }
    found.sort();
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_that_holds_anything_but_the_shelf_is_refused() {
    let platform = Platform::new();
    let store = platform.store().await;
    back_up(&store, &platform.shelf(), None).await;
    closed(store).await;
    let refused = platform.rebuild(&platform.root()).await;
    assert!(matches!(&refused, Err(Failure::Refused(words)) if words.contains("not empty")), "{refused:?}");
    assert!(platform.data_dir().central().exists() && !platform.data_dir().rebuilding().exists());
    for entry in fs::read_dir(platform.root()).unwrap().map(|entry| entry.unwrap().path()) {
        match entry {
            shelf if shelf == platform.shelf() => {}
            directory if directory.is_dir() => fs::remove_dir_all(directory).unwrap(),
            file => fs::remove_file(file).unwrap(),
        }
    }
    platform.rebuild(&platform.root()).await.unwrap();
    closed(platform.store().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_and_a_shelf_without_a_central_database_leave_nothing_behind() {
    let platform = Platform::new();
    let store = platform.store().await;
    let acme = tenant(&store, "acme").await;
    back_up(&store, &platform.shelf(), Some((acme, "acme"))).await;
    let into = platform.path().join("rebuilt");
    let refused = platform.rebuild(&into).await;
    assert!(matches!(refused, Err(Failure::NoSnapshot(_))), "{refused:?}");
    assert!(!into.exists());
    back_up(&store, &platform.shelf(), None).await;
    closed(store).await;
    let tried = rebuild(context(&into, &platform.shelf()), Mode::Try, &mut Listener(true)).await.unwrap();
    assert_eq!((tried.databases.len(), tried.summary.problems), (2, 0), "{:#?}", tried.checks);
    assert!(!into.exists());
}
