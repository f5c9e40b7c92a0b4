//! Proofs that are made again: sound, damaged, or impossible for the moment, which changes nothing.

use std::{fs, path::Path};

use chiliview_store::{
    BackupId,
    audit::{self, Filter},
    backups::{self, BackupStatus, ProofDepth},
    queue::JobStatus,
};

use crate::{
    shop::{Shop, make_heavy, on_every_engine},
    workshop::{calm, options, until},
};

async fn told(shop: &Shop, id: BackupId) -> Vec<String> {
    let lines = Filter { object_id: Some(id.to_string()), ..Filter::default() };
    let lines = shop.central().read(async |tx| audit::list(tx, &lines, 99).await).await.unwrap();
    lines.into_iter().rev().map(|line| line.action).collect()
}

type Harm = fn(&Path);

fn flip(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(path, bytes).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sound_backup_is_proven_in_full() {
    on_every_engine(async |shop: Shop| {
        let (id, _) = shop.tenant().await;
        let before = shop.backed_up(Some(id)).await;
        let after = shop.proven_again(before.id).await;
        assert_eq!((after.status, after.proof), (BackupStatus::Verified, Some(ProofDepth::Full)));
        assert!(after.proven_at > before.proven_at && after.verified_at == before.verified_at);
        let mut told = told(&shop, before.id).await;
        told.sort();
        assert_eq!(told, ["backup.proven", "backup.verified"]);
        assert_eq!(fs::read_dir(shop.context.store.data_dir().temp()).unwrap().count(), 0, "the scratch is gone");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_changed_or_missing_is_damage_until_it_is_back() {
    on_every_engine(async |shop: Shop| {
        let (id, _) = shop.tenant().await;
        let backup = shop.backed_up(Some(id)).await;
        let (artefact, manifest) = shop.files(&backup);
        let kept = shop.directory().join("kept");
        let harms: [(&Path, Harm, &str); 4] = [
            (&artefact, flip, "changed since it was published"),
            (&artefact, |path| fs::remove_file(path).unwrap(), "the file is missing"),
            (&artefact, |path| fs::write(path, "short").unwrap(), "5 bytes instead of"),
            (&manifest, |path| fs::remove_file(path).unwrap(), "its manifest is missing"),
        ];
        for (path, harm, reason) in harms {
            fs::copy(path, &kept).unwrap();
            harm(path);
            let damaged = shop.proven_again(backup.id).await;
            assert_eq!((damaged.status, damaged.proof), (BackupStatus::Damaged, None));
            assert!(damaged.error.as_deref().is_some_and(|error| error.contains(reason)), "{:?}", damaged.error);
            assert_eq!(damaged.attempt % 2, 0, "damage is not tried again");
            fs::copy(&kept, path).unwrap();
            let sound = shop.proven_again(backup.id).await;
            assert_eq!((sound.status, sound.error.as_deref()), (BackupStatus::Verified, None));
        }
        let damaged = told(&shop, backup.id).await.into_iter().filter(|action| action == "backup.damaged").count();
        assert_eq!(damaged, 4);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shelf_that_is_away_and_a_scratch_without_use_say_nothing_about_a_snapshot() {
    on_every_engine(async |shop: Shop| {
        let (id, _) = shop.tenant().await;
        let backup = shop.backed_up(Some(id)).await;
        let (artefact, _) = shop.files(&backup);
        let (shelf, away) = (shop.directory().join("shelf"), shop.directory().join("away"));
        let temp = shop.context.store.data_dir().temp();
        let unproven = async |status, reason: &str| {
            let after = shop.proven_again(backup.id).await;
            assert_eq!(after.status, status);
            assert!(after.error.as_deref().is_some_and(|error| error.contains(reason)), "{:?}", after.error);
        };
        let out_of_reach = async |status, reason: &str| {
            fs::rename(&shelf, &away).unwrap();
            fs::create_dir(&shelf).unwrap();
            unproven(status, reason).await;
            fs::remove_dir(&shelf).unwrap();
            fs::rename(&away, &shelf).unwrap();
        };
        out_of_reach(BackupStatus::Verified, "is the volume mounted?").await;
        assert_eq!(shop.find(backup.id).await.unwrap().attempt, 3, "tried twice");
        fs::remove_dir(&temp).unwrap();
        fs::write(&temp, "").unwrap();
        unproven(BackupStatus::Verified, "temp").await;
        fs::remove_file(&temp).unwrap();
        fs::create_dir(&temp).unwrap();
        flip(&artefact);
        assert_eq!(shop.proven_again(backup.id).await.status, BackupStatus::Damaged);
        out_of_reach(BackupStatus::Damaged, "changed since it was published").await;
        assert!(told(&shop, backup.id).await.contains(&"backup.not_proven".to_owned()));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proof_that_is_called_off_stops_and_changes_nothing() {
    on_every_engine(async |shop: Shop| {
        if shop.is_on_postgres() {
            // A proof reads nothing but the shelf; what PostgreSQL is filled with in no time is proven in no time.
            return;
        }
        let (id, database) = shop.tenant().await;
        make_heavy(&database, 200).await;
        let backup = shop.backed_up(Some(id)).await;
        shop.ask_again(backup.id, 5).await;
        let worker = shop.start(calm());
        until("it is proven", async || shop.find(backup.id).await.unwrap().done_bytes > 0).await;
        let now = shop.context.store.clock().now();
        assert!(shop.write(async |tx| backups::call_off_proof(tx, backup.id, now).await).await);
        shop.idle().await;
        worker.stop().await;
        let after = shop.find(backup.id).await.unwrap();
        assert_eq!((after.status, after.proof), (BackupStatus::Verified, Some(ProofDepth::Quick)));
        assert_eq!(after.proven_at, backup.proven_at);
        let jobs = crate::workshop::jobs(&shop.context.store).await;
        assert!(jobs.iter().all(|job| job.status == JobStatus::Done), "{jobs:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proof_whose_process_is_killed_is_made_by_another_worker() {
    on_every_engine(async |shop: Shop| {
        let (id, database) = shop.tenant().await;
        make_heavy(&database, 200).await;
        let backup = shop.backed_up(Some(id)).await;
        shop.ask_again(backup.id, 5).await;
        let mut other = shop.child("crashes::a_process_that_works").spawn().unwrap();
        until("it is proven there", async || shop.find(backup.id).await.unwrap().attempt == 2).await;
        other.kill().unwrap();
        other.wait().unwrap();
        assert_eq!(shop.status(backup.id).await, BackupStatus::Verifying, "killed in the middle");
        let worker = shop.start(options());
        let after = shop.ended(backup.id).await;
        shop.idle().await;
        worker.stop().await;
        assert_eq!((after.status, after.proof), (BackupStatus::Verified, Some(ProofDepth::Full)));
        assert!(after.attempt >= 3);
    })
    .await;
}
