//! Directories and files that are missing, open to others, or not ours.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use chiliview_doctor::Status;

use crate::installation::{Installation, assert_calm, bad, only};

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[tokio::test]
async fn a_removed_directory_is_named_and_made_again() {
    let installation = Installation::new().await;
    let temp = installation.data_dir().temp();
    fs::remove_dir(&temp).unwrap();
    assert_eq!(only(&installation.look().await).object, temp.display().to_string());
    assert!(!temp.exists());
    assert_eq!(only(&installation.repair().await).status, Status::Repaired);
    assert_eq!(mode(&temp), 0o700);
    assert_calm(&installation.look().await);
}

#[tokio::test]
async fn what_others_may_enter_or_read_is_named_and_closed() {
    let installation = Installation::new().await;
    let (directory, file) = (installation.data_dir().resellers(), installation.database(installation.beta));
    set_mode(&directory, 0o755);
    set_mode(&file, 0o644);
    assert_eq!(bad(&installation.look().await).len(), 2);
    assert_eq!(mode(&file), 0o644);
    assert_eq!(installation.repair().await.summary.repaired, 2);
    assert_eq!((mode(&directory), mode(&file)), (0o700, 0o600));
    assert_calm(&installation.look().await);
}

#[tokio::test]
async fn a_database_without_a_tenant_is_named_and_moved_not_deleted() {
    let installation = Installation::new().await;
    let stray = installation.data_dir().resellers().join("01890000-0000-7000-8000-000000000001");
    fs::create_dir(&stray).unwrap();
    fs::copy(installation.database(installation.acme), stray.join("reseller.db")).unwrap();
    let report = installation.look().await;
    assert_eq!((only(&report).name, only(&report).object.as_str()), ("orphan", stray.to_str().unwrap()));
    assert_eq!(only(&installation.repair().await).status, Status::Repaired);
    assert!(!stray.exists());
    let kept = "resellers/01890000-0000-7000-8000-000000000001/reseller.db";
    assert_eq!(
        fs::read(installation.aside(kept)).unwrap(),
        fs::read(installation.database(installation.acme)).unwrap()
    );
    assert_calm(&installation.look().await);
}

#[tokio::test]
async fn leftovers_of_a_crash_are_moved_and_strangers_only_mentioned() {
    let installation = Installation::new().await;
    let resellers = installation.data_dir().resellers();
    for name in [format!(".new-{}", installation.acme), format!(".old-{}", installation.beta)] {
        fs::create_dir(resellers.join(name)).unwrap();
    }
    fs::write(resellers.join("notes.txt"), "mine").unwrap();
    let report = installation.look().await;
    assert_eq!((report.summary.problems, report.summary.warnings), (2, 1));
    assert_eq!(installation.repair().await.summary.repaired, 2);
    assert!(resellers.join("notes.txt").exists());
    assert_calm(&installation.look().await);
}
