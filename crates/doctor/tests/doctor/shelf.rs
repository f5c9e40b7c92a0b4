//! The list of backups against the shelf.

use std::{
    fs::{self, DirBuilder},
    os::unix::fs::DirBuilderExt as _,
    path::PathBuf,
};

use chiliview_doctor::Status;
use chiliview_snapshot::Shelf;

use crate::installation::{Installation, assert_calm, only};

fn snapshot(installation: &Installation, suffix: &str) -> PathBuf {
    let folder = installation.root.join("backups").join(installation.acme.to_string());
    folder.join(format!("{}{suffix}", installation.backup))
}

#[tokio::test]
async fn a_snapshot_that_is_missing_is_named() {
    let installation = Installation::new().await;
    fs::remove_file(snapshot(&installation, ".db.zst")).unwrap();
    let report = installation.look().await;
    assert!(only(&report).object.contains(&installation.backup.to_string()));
    assert!(only(&report).message.contains("is missing on the shelf"));
    assert_eq!(only(&installation.repair().await).status, Status::Unrepairable);
}

#[tokio::test]
async fn a_snapshot_of_another_size_or_without_a_manifest_is_named() {
    let installation = Installation::new().await;
    fs::remove_file(snapshot(&installation, ".manifest.json")).unwrap();
    assert!(only(&installation.look().await).message.starts_with("the manifest of its snapshot"));
    fs::write(snapshot(&installation, ".db.zst"), "short").unwrap();
    assert!(only(&installation.look().await).message.contains("has 5 bytes"));
}

#[tokio::test]
async fn what_cannot_be_looked_at_is_not_told_as_missing() {
    let installation = Installation::new().await;
    let folder = installation.root.join("backups").join(installation.acme.to_string());
    fs::remove_dir_all(&folder).unwrap();
    std::os::unix::fs::symlink(&folder, &folder).unwrap();
    let report = installation.look().await;
    let line = only(&report);
    assert!(line.message.contains("cannot be looked at"), "{line:?}");
    assert!(line.advice.as_ref().is_some_and(|advice| advice.contains("are not lost by that")), "{line:?}");
}

#[tokio::test]
async fn where_nobody_can_say_how_much_room_there_is_the_doctor_says_so() {
    let installation = Installation::new().await;
    let shelf = installation.root.join("backups");
    fs::rename(&shelf, shelf.with_extension("away")).unwrap();
    std::os::unix::fs::symlink(&shelf, &shelf).unwrap();
    let report = installation.look().await;
    let room =
        report.checks.iter().find(|line| line.name == "free_space" && line.object == shelf.display().to_string());
    let room = room.unwrap_or_else(|| panic!("{:#?}", report.checks));
    assert_eq!(room.status, Status::Problem);
    assert!(room.message.starts_with("how much room there is cannot be found out"), "{room:?}");
}

#[tokio::test]
async fn an_encrypted_snapshot_is_found_and_missed_under_its_own_name() {
    let installation = Installation::new().await;
    let artefact = installation.back_up_sealed().await;
    let report = installation.look().await;
    assert_calm(&report);
    let shelf = report.checks.iter().find(|line| line.name == "shelf" && line.status == Status::Ok);
    assert_eq!(shelf.map(|line| line.message.as_str()), Some("2 verified backups, each with its snapshot"));
    // A file of the same size that is not encrypted is not what was proven.
    fs::rename(&artefact, artefact.with_extension("")).unwrap();
    assert!(only(&installation.look().await).message.ends_with(".db.zst.age is missing on the shelf"));
}

#[tokio::test]
async fn snapshots_that_nobody_lists_and_strangers_are_mentioned() {
    let installation = Installation::new().await;
    let other = snapshot(&installation, ".db.zst").with_file_name("01890000-0000-7000-8000-000000000001.db.zst");
    fs::write(other, "?").unwrap();
    fs::write(installation.root.join("backups/readme.txt"), "mine").unwrap();
    let report = installation.look().await;
    assert_calm(&report);
    assert_eq!(report.summary.warnings, 2, "{:#?}", report.checks);
}

#[tokio::test]
async fn half_written_snapshots_of_killed_processes_are_removed() {
    let installation = Installation::new().await;
    let partial = installation.root.join("backups/.staging/x.0.partial");
    fs::write(&partial, "half").unwrap();
    assert_eq!(only(&installation.look().await).status, Status::Problem);
    assert!(partial.exists());
    assert_eq!(only(&installation.repair().await).status, Status::Repaired);
    assert!(!partial.exists());
    assert_calm(&installation.look().await);
}

/// An installation whose shelf is remembered, and where that lies.
async fn remembered() -> (Installation, PathBuf) {
    let installation = Installation::new().await;
    let (store, place) = (installation.store().await, installation.root.join("backups"));
    Shelf::directory(&place).await.unwrap().recognise(&store).await.unwrap();
    store.close().await;
    assert_calm(&installation.look().await);
    (installation, place)
}

#[tokio::test]
async fn an_empty_directory_in_the_shelfs_place_is_named_and_no_backup_counts_as_lost() {
    let (installation, place) = remembered().await;
    let away = place.with_file_name("repairs-not");
    fs::rename(&place, &away).unwrap();
    DirBuilder::new().mode(0o700).recursive(true).create(place.join(".staging")).unwrap();
    let foreign = place.join(".staging/x.0.partial");
    fs::write(&foreign, "of another platform").unwrap();
    let report = installation.look().await;
    let line = only(&report);
    assert!(line.name == "shelf" && line.message.contains("it is not the shelf that the backups lie on"), "{line:?}");
    assert!(line.advice.as_ref().is_some_and(|advice| advice.starts_with("mount the volume")));
    assert_eq!(only(&installation.repair().await).status, Status::Unrepairable, "an empty one is not adopted");
    assert!(foreign.exists(), "what lies on another shelf is not ours to remove");
    fs::remove_dir_all(&place).unwrap();
    fs::rename(&away, &place).unwrap();
    assert_calm(&installation.look().await);
}

#[tokio::test]
async fn a_shelf_that_holds_the_backups_is_adopted_when_somebody_asks_for_it() {
    let (installation, place) = remembered().await;
    let marker = place.join(".shelf");
    let other = r#"{"id": "01890000-0000-7000-8000-000000000009"}"#;
    for copied in [None, Some(other)] {
        fs::remove_file(&marker).unwrap();
        if let Some(text) = copied {
            fs::write(&marker, text).unwrap();
        }
        assert_eq!(only(&installation.look().await).status, Status::Problem);
        assert_eq!(only(&installation.repair().await).status, Status::Repaired);
        assert_calm(&installation.look().await);
    }
}
