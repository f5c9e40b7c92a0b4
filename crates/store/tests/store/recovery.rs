//! What an older central database believes to be under way is ended, and its rows are made to agree with the shelf.

use std::time::Duration;

use chiliview_store::{
    BackupId, Error, Ids, TenantId,
    backups::{self, BackupStatus, New, Origin, ProofDepth, Recovered, Verified},
    central_swap,
    data_dir::DataDir,
    queue::{self, Filter, JobStatus, NewJob, Work},
    recovery,
    sessions::{self, Session},
    tenants,
};

use crate::{
    common::{admin, at, open, read, tenant, write},
    engines::on_every_engine,
};

const WHY: &str = "an older central database took its place";

fn found(tenant: Option<(TenantId, Option<String>)>, proof: Result<Verified, String>) -> Recovered {
    Recovered {
        id: Ids.next(),
        tenant,
        attempt: 3,
        taken_at: at(5),
        proof: proof.map_err(Into::into),
        requested_by: "restore".into(),
        at: at(9),
    }
}

fn proof() -> Verified {
    Verified {
        manifest: "{}".into(),
        stored_sha256: "cd".repeat(32),
        stored_bytes: 7,
        plain_bytes: 70,
        encrypted: false,
        depth: ProofDepth::Quick,
    }
}

fn queued(tenant: TenantId) -> New {
    New {
        id: Ids.next(),
        tenant: Some((tenant, "acme".into())),
        origin: Origin::Request,
        run: None,
        requested_by: "admin".into(),
        trace_id: None,
        at: at(0),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_under_way_is_ended_with_the_reason_and_its_key_is_free_again() {
    on_every_engine(async |store| {
        let db = store.central();
        let (acme, owner) = (tenant("acme", "Acme"), admin("eve", chiliview_store::admins::AdminRole::Owner));
        let backup = queued(acme.id);
        let job = NewJob::new(Ids.next(), Work::BackUp { backup: backup.id }).once("night");
        let session = Session {
            id: Ids.next(),
            admin_id: Some(owner.id),
            tenant_id: None,
            user_id: None,
            credential_version: 1,
            address: String::new(),
            user_agent: String::new(),
            created_at: at(0),
            last_seen_at: at(0),
            expires_at: at(99),
        };
        write(db, async |tx| {
            chiliview_store::admins::insert(tx, &owner).await?;
            sessions::insert(tx, &session, b"hash").await?;
            backups::insert(tx, &backup).await?;
            queue::enqueue(tx, &job).await
        })
        .await;
        let ended = write(db, async |tx| recovery::end_all(tx, WHY, at(9)).await).await;
        assert_eq!((ended.backups, ended.jobs, ended.sessions), (1, 1, 1));
        let row = read(db, async |tx| backups::find(tx, backup.id).await).await.unwrap();
        assert_eq!((row.status, row.error.as_deref(), row.finished_at), (BackupStatus::Failed, Some(WHY), Some(at(9))));
        let listed = read(db, async |tx| queue::list(tx, &Filter::default(), 10).await).await;
        assert_eq!(listed[0].status, JobStatus::Cancelled);
        let again = NewJob::new(Ids.next(), Work::BackUp { backup: backup.id }).once("night");
        assert!(write(db, async |tx| queue::enqueue(tx, &again).await).await, "its key is free");
        assert_eq!(write(db, async |tx| queue::end_all(tx, WHY).await).await, 1);
        let ended = write(db, async |tx| recovery::end_all(tx, WHY, at(10)).await).await;
        assert_eq!(ended, recovery::Ended::default());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_trash_keeps_longer_and_is_purged_all_the_same() {
    on_every_engine(async |store| {
        let db = store.central();
        let mut gone = tenant("gone", "Gone");
        (gone.deleted_at, gone.purge_after) = (Some(at(0)), Some(at(1)));
        let live = tenant("live", "Live");
        let snapshot = found(Some((live.id, None)), Ok(proof()));
        write(db, async |tx| {
            tenants::insert(tx, &gone).await?;
            tenants::insert(tx, &live).await?;
            backups::recover(tx, &snapshot).await?;
            backups::delete(tx, snapshot.id, at(2), at(3)).await
        })
        .await;
        let until = store.clock().now().plus(Duration::from_secs(3600));
        write(db, async |tx| {
            assert!(recovery::keep_tenant(tx, Ids.next(), gone.id, until).await?);
            assert!(!recovery::keep_tenant(tx, Ids.next(), live.id, until).await?);
            assert!(recovery::keep_backup(tx, Ids.next(), snapshot.id, until).await?);
            assert!(!recovery::keep_backup(tx, Ids.next(), Ids.next(), until).await?);
            Ok::<_, Error>(())
        })
        .await;
        let kept = read(db, async |tx| tenants::find(tx, gone.id).await).await.unwrap();
        assert_eq!(kept.purge_after, Some(until));
        let kept = read(db, async |tx| backups::find(tx, snapshot.id).await).await.unwrap();
        assert_eq!(kept.purge_after, Some(until));
        let jobs = read(db, async |tx| queue::list(tx, &Filter::default(), 10).await).await;
        assert!(jobs.len() == 2 && jobs.iter().all(|job| job.run_at >= until), "{jobs:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_without_a_row_gets_one_that_says_how_it_was_proven() {
    on_every_engine(async |store| {
        let db = store.central();
        let acme: TenantId = Ids.next();
        let whole = found(Some((acme, Some("acme".into()))), Ok(proof()));
        let broken = found(None, Err("it is torn".into()));
        for snapshot in [&whole, &broken] {
            assert!(write(db, async |tx| backups::recover(tx, snapshot).await).await);
            assert!(!write(db, async |tx| backups::recover(tx, snapshot).await).await, "it has one now");
        }
        let row = read(db, async |tx| backups::find(tx, whole.id).await).await.unwrap();
        assert_eq!((row.status, row.origin), (BackupStatus::Verified, Origin::Recovered));
        assert_eq!((row.verified_at, row.proven_at), (Some(at(5)), Some(at(9))), "as safe as when it was taken");
        assert_eq!((row.proof, row.tenant_slug.as_deref()), (Some(ProofDepth::Quick), Some("acme")));
        assert_eq!(row.artefact, 3, "whose name says that the third attempt made it");
        let row = read(db, async |tx| backups::find(tx, broken.id).await).await.unwrap();
        assert_eq!((row.status, row.error.as_deref()), (BackupStatus::Failed, Some("it is torn")));
        assert_eq!((row.verified_at, row.proof, row.manifest), (None, None, None));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_was_under_way_is_ended_by_its_snapshot_and_by_no_other() {
    on_every_engine(async |store| {
        let db = store.central();
        let begun = queued(Ids.next());
        write(db, async |tx| backups::insert(tx, &begun).await).await;
        let mut snapshot = found(None, Ok(proof()));
        snapshot.id = begun.id;
        assert!(!write(db, async |tx| backups::recover(tx, &snapshot).await).await, "it is another tenant's");
        snapshot.tenant = Some((begun.tenant.clone().unwrap().0, None));
        assert!(write(db, async |tx| backups::recover(tx, &snapshot).await).await);
        let row = read(db, async |tx| backups::find(tx, begun.id).await).await.unwrap();
        assert_eq!((row.status, row.origin), (BackupStatus::Verified, Origin::Request));
        assert_eq!((row.tenant_slug.as_deref(), row.artefact), (Some("acme"), 3));
        assert!(write(db, async |tx| backups::lost(tx, begun.id, &"the file is missing".into(), at(11)).await).await);
        let row = read(db, async |tx| backups::find(tx, begun.id).await).await.unwrap();
        assert_eq!((row.status, row.error.as_deref()), (BackupStatus::Damaged, Some("the file is missing")));
        let nobody: BackupId = Ids.next();
        assert!(!write(db, async |tx| backups::lost(tx, nobody, &"x".into(), at(12)).await).await);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn opening_finishes_the_replacement_of_the_central_database_that_was_cut_off() {
    let directory = tempfile::tempdir().unwrap();
    let settings = chiliview_store::Settings::sqlite(directory.path());
    let (old, new) = (tenant("old", "Old"), tenant("new", "New"));
    let ready = directory.path().join(".restore-central-ready");
    for (place, row) in [(directory.path(), &old), (&ready, &new)] {
        let store = open(&chiliview_store::Settings::sqlite(place)).await;
        write(store.central(), async |tx| tenants::insert(tx, row).await).await;
        store.close().await;
    }
    // Half of the old one is aside already; the rest, and a stale companion, still lie there.
    std::fs::create_dir(ready.join("before")).unwrap();
    std::fs::rename(directory.path().join("chiliview.db"), ready.join("before/chiliview.db")).unwrap();
    std::fs::write(directory.path().join("chiliview.db-wal"), "stale").unwrap();
    let store = open(&settings).await;
    let there = read(store.central(), async |tx| tenants::ids(tx, None, 10).await).await;
    assert_eq!(there, [(new.id, "new".to_owned())]);
    store.close().await;
    assert!(!ready.exists());
    assert_eq!(
        central_swap::finish(&DataDir::new(directory.path()), at(0)).unwrap(),
        None,
        "there is nothing left to do"
    );
    let kept = std::fs::read_dir(directory.path().join("repairs")).unwrap().next().unwrap().unwrap().path();
    assert!(kept.join("chiliview.db").exists());
    assert_eq!(std::fs::read_to_string(kept.join("chiliview.db-wal")).unwrap(), "stale");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_platform_that_is_half_rebuilt_is_not_opened() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(DataDir::new(directory.path()).rebuilding()).unwrap();
    let settings = chiliview_store::Settings::sqlite(directory.path());
    let refused = chiliview_store::Store::open(&settings, chiliview_store::Clock::system(), Ids).await;
    assert!(matches!(refused.err(), Some(Error::Unsafe(words)) if words.contains("--from-shelf")));
    assert!(!DataDir::new(directory.path()).central().exists());
}
