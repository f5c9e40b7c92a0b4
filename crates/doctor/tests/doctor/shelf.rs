//! The list of backups against the shelf.

use std::{fs, path::PathBuf};

use chiliview_doctor::Status;

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
