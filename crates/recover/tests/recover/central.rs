//! The central database out of a snapshot, made to agree with what is there.

use std::fs;

use chiliview_doctor::Status;
use chiliview_recover::{Failure, Mode, Report, Wanted, restore_central};
use chiliview_store::{
    Ids,
    backups::{self, BackupStatus, Origin},
    sessions::Session,
    tenants::{self, TenantStatus},
};

use crate::platform::{Listener, Platform, back_up, closed, context, get, put, slugs, tenant};

fn told<'r>(report: &'r Report, object: &str) -> Vec<(Status, &'r str)> {
    let lines = report.checks.iter().filter(|line| line.object.contains(object));
    lines.map(|line| (line.status, line.message.as_str())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_after_the_backup_comes_back_from_the_shelf_and_the_disk() {
    let platform = Platform::new();
    let store = platform.store().await;
    let acme = tenant(&store, "acme").await;
    put(&store, acme, "before").await;
    let central = back_up(&store, &platform.shelf(), None).await;
    let later = tenant(&store, "later").await;
    let nameless = tenant(&store, "nameless").await;
    let of_later = back_up(&store, &platform.shelf(), Some((later, "later"))).await;
    put(&store, acme, "after").await;
    closed(store).await;

    let report = platform.restore(Wanted::Newest).await.unwrap();
    assert_eq!(report.summary.problems, 0, "{:#?}", report.checks);
    assert_eq!(report.databases.iter().map(|one| one.backup).collect::<Vec<_>>(), [central]);
    let kept = report.kept.unwrap();
    assert!(kept.join("chiliview.db").exists());

    let store = platform.store().await;
    let recovered = format!("recovered-{}", &nameless.to_string()[..8]);
    assert_eq!(slugs(&store).await, ["acme", "later", recovered.as_str()]);
    let adopted = store.central().read(async |tx| tenants::find(tx, later).await).await.unwrap().unwrap();
    assert_eq!(adopted.status, TenantStatus::Suspended);
    assert!(adopted.status_reason.unwrap().contains("restore"));
    assert_eq!(get(&store, acme).await.as_deref(), Some("after"), "tenants' databases are not touched");
    let find = async |id| store.central().read(async |tx| backups::find(tx, id).await).await.unwrap().unwrap();
    let own = find(central).await;
    assert_eq!(
        (own.status, own.origin),
        (BackupStatus::Verified, Origin::Request),
        "it was under way when it was taken"
    );
    let other = find(of_later).await;
    assert_eq!((other.status, other.origin), (BackupStatus::Verified, Origin::Recovered));
    assert_eq!(other.tenant_slug.as_deref(), Some("later"));
    closed(store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_logged_in_and_nothing_is_under_way_afterwards() {
    let platform = Platform::new();
    let store = platform.store().await;
    let acme = tenant(&store, "acme").await;
    let now = store.clock().now();
    let session = Session {
        id: Ids.next(),
        admin_id: None,
        tenant_id: Some(acme),
        user_id: Some(Ids.next()),
        credential_version: 1,
        address: String::new(),
        user_agent: String::new(),
        created_at: now,
        last_seen_at: now,
        expires_at: now,
    };
    let hanging = backups::New {
        id: Ids.next(),
        tenant: Some((acme, "acme".into())),
        origin: Origin::Request,
        run: None,
        requested_by: "admin".into(),
        trace_id: None,
        at: now,
    };
    let begun = store.central().write(async |tx| {
        chiliview_store::sessions::insert(tx, &session, b"hash").await?;
        backups::insert(tx, &hanging).await
    });
    begun.await.unwrap();
    back_up(&store, &platform.shelf(), None).await;
    closed(store).await;
    platform.restore(Wanted::Newest).await.unwrap();
    let store = platform.store().await;
    let session = store.central().read(async |tx| chiliview_store::sessions::find(tx, session.id).await).await.unwrap();
    assert!(session.is_none());
    let row = store.central().read(async |tx| backups::find(tx, hanging.id).await).await.unwrap().unwrap();
    assert_eq!(row.status, BackupStatus::Failed);
    assert!(row.error.unwrap().contains("restored"));
    closed(store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_that_is_gone_or_changed_counts_no_more() {
    let platform = Platform::new();
    let store = platform.store().await;
    let acme = tenant(&store, "acme").await;
    let (gone, changed, whole) = (
        back_up(&store, &platform.shelf(), Some((acme, "acme"))).await,
        back_up(&store, &platform.shelf(), Some((acme, "acme"))).await,
        back_up(&store, &platform.shelf(), Some((acme, "acme"))).await,
    );
    back_up(&store, &platform.shelf(), None).await;
    let stranger = back_up(&store, &platform.shelf(), Some((acme, "acme"))).await;
    closed(store).await;
    fs::remove_file(platform.artefact(Some(acme), gone)).unwrap();
    platform.damage(Some(acme), changed);
    platform.damage(Some(acme), stranger);

    let report = platform.restore(Wanted::Newest).await.unwrap();
    assert_eq!(report.summary.problems, 3, "{:#?}", report.checks);
    let store = platform.store().await;
    for (id, status, words) in [
        (gone, BackupStatus::Damaged, "missing"),
        (changed, BackupStatus::Damaged, "changed"),
        (stranger, BackupStatus::Failed, "changed"),
    ] {
        let row = store.central().read(async |tx| backups::find(tx, id).await).await.unwrap().unwrap();
        assert_eq!(row.status, status);
        assert!(row.error.as_deref().unwrap().contains(words), "{row:?}");
    }
    let row = store.central().read(async |tx| backups::find(tx, whole).await).await.unwrap().unwrap();
    assert_eq!(row.status, BackupStatus::Verified);
    closed(store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_or_damaged_central_database_comes_back_from_the_shelf_alone() {
    for damaged in [false, true] {
        let platform = Platform::new();
        let store = platform.store().await;
        tenant(&store, "acme").await;
        back_up(&store, &platform.shelf(), None).await;
        closed(store).await;
        match damaged {
            true => fs::write(platform.data_dir().central(), "no database").unwrap(),
            false => fs::remove_file(platform.data_dir().central()).unwrap(),
        }
        let report = platform.restore(Wanted::Newest).await.unwrap();
        assert_eq!(report.summary.problems, 0, "{:#?}", report.checks);
        assert_eq!(report.kept.is_some(), damaged);
        let store = platform.store().await;
        assert_eq!(slugs(&store).await, ["acme"]);
        closed(store).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_snapshot_takes_the_place_of_one_that_does_not_prove_and_that_is_said() {
    let platform = Platform::new();
    let store = platform.store().await;
    let older = back_up(&store, &platform.shelf(), None).await;
    let newer = back_up(&store, &platform.shelf(), None).await;
    closed(store).await;
    platform.damage(None, newer);
    let report = platform.restore(Wanted::Newest).await.unwrap();
    assert_eq!((report.databases[0].backup, report.databases[0].passed_over), (older, 1));
    assert_eq!(told(&report, "central")[0].0, Status::Problem);
    let refused = platform.restore(Wanted::Backup(newer)).await;
    assert!(matches!(refused, Err(Failure::NoSnapshot(_))), "who names one gets that one or none: {refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_outside_the_shelf_is_restored_when_its_manifest_lies_beside_it() {
    let platform = Platform::new();
    let store = platform.store().await;
    tenant(&store, "acme").await;
    let backup = back_up(&store, &platform.shelf(), None).await;
    closed(store).await;
    let (from, file) = (platform.artefact(None, backup), platform.path().join("mine.db.zst"));
    fs::rename(&from, &file).unwrap();
    let manifest = from.with_file_name(format!("{backup}.manifest.json"));
    let refused = platform.restore(Wanted::File(file.clone())).await;
    assert!(matches!(&refused, Err(Failure::Refused(words)) if words.contains("manifest")), "{refused:?}");
    fs::rename(manifest, platform.path().join("mine.manifest.json")).unwrap();
    let report = platform.restore(Wanted::File(file)).await.unwrap();
    assert_eq!(report.databases[0].backup, backup);
    let store = platform.store().await;
    assert_eq!(slugs(&store).await, ["acme"]);
    closed(store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_trash_is_kept_and_a_tenant_without_its_database_is_named() {
    let platform = Platform::new();
    let store = platform.store().await;
    let (lost, thrown) = (tenant(&store, "lost").await, tenant(&store, "thrown").await);
    let backup = back_up(&store, &platform.shelf(), Some((lost, "lost"))).await;
    let now = store.clock().now();
    let deleted = store.central().write(async |tx| {
        let mut row = tenants::find(tx, thrown).await?.unwrap();
        (row.deleted_at, row.purge_after) = (Some(now), Some(now));
        tenants::update(tx, &row).await
    });
    deleted.await.unwrap();
    back_up(&store, &platform.shelf(), None).await;
    closed(store).await;
    fs::remove_dir_all(platform.data_dir().tenant(lost)).unwrap();
    let report = platform.restore(Wanted::Newest).await.unwrap();
    let line = report.checks.iter().find(|line| line.object == "lost").unwrap();
    assert!(line.status == Status::Problem && line.advice.as_ref().unwrap().contains(&backup.to_string()), "{line:?}");
    let store = platform.store().await;
    let row = store.central().read(async |tx| tenants::find(tx, thrown).await).await.unwrap().unwrap();
    assert!(row.purge_after.unwrap() > now, "somebody may have taken it out of the trash since");
    closed(store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_changes_in_a_dry_run_after_a_no_or_while_somebody_works() {
    let platform = Platform::new();
    let store = platform.store().await;
    back_up(&store, &platform.shelf(), None).await;
    tenant(&store, "later").await;
    let run = async |mode, answer| {
        restore_central(context(&platform.root(), &platform.shelf()), Wanted::Newest, mode, &mut Listener(answer)).await
    };
    assert!(matches!(run(Mode::Do, true).await, Err(Failure::InUse(_))));
    closed(store).await;
    let before = fs::read(platform.data_dir().central()).unwrap();
    let report = run(Mode::Try, true).await.unwrap();
    assert!(report.dry_run && report.databases.len() == 1);
    assert!(matches!(run(Mode::Do, false).await, Err(Failure::Declined)));
    assert_eq!(fs::read(platform.data_dir().central()).unwrap(), before);
    let names: Vec<_> = fs::read_dir(platform.root()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    let trace = |name: &str| name.starts_with(".restore") || name.ends_with("-wal") || name.ends_with("-shm");
    assert!(!names.iter().any(|name| trace(&name.to_string_lossy())), "{names:?}");
}
