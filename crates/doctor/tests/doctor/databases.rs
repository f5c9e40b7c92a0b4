//! Damaged, swapped and lost databases.

use std::{
    fs::{self, File},
    os::unix::fs::FileExt as _,
    path::Path,
};

use chiliview_doctor::{Report, Status};
use chiliview_store::sqlite;
use sqlx::{Connection as _, Executor as _, SqliteConnection};

use crate::installation::{Installation, assert_calm, bad, only};

/// Turns over the bits of one byte.
fn flip(path: &Path, at: u64) {
    let file = File::options().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[!byte[0]], at).unwrap();
}

/// Named, copied, not mended, and unchanged.
async fn assert_given_up(installation: &Installation, path: &Path) -> Report {
    let damaged = fs::read(path).unwrap();
    let report = installation.look().await;
    assert_eq!(only(&report).status, Status::Problem);
    assert!(only(&report).object.contains(path.to_str().unwrap()), "{:?}", only(&report));
    let report = installation.repair().await;
    let line = only(&report);
    assert_eq!(line.status, Status::Unrepairable);
    assert!(line.message.contains("copied to"), "{line:?}");
    let relative = path.strip_prefix(&installation.root).unwrap();
    assert_eq!(fs::read(installation.aside(relative)).unwrap(), damaged);
    assert_eq!(fs::read(path).unwrap(), damaged);
    report
}

#[tokio::test]
async fn a_truncated_file_is_named_and_the_newest_backup_with_it() {
    let installation = Installation::new().await;
    let path = installation.database(installation.acme);
    File::options().write(true).open(&path).unwrap().set_len(20_000).unwrap();
    let report = assert_given_up(&installation, &path).await;
    let advice = only(&report).advice.clone().unwrap();
    assert!(advice.contains(&format!("{}.db.zst -o", installation.backup)), "{advice}");
}

/// Under the name that it has, with the program that opens it.
#[tokio::test]
async fn of_an_encrypted_backup_and_of_one_that_took_two_attempts_the_advice_is_right_too() {
    let installation = Installation::new().await;
    let sealed = installation.back_up_sealed().await;
    let path = installation.database(installation.acme);
    File::options().write(true).open(&path).unwrap().set_len(20_000).unwrap();
    let advice = async || only(&installation.repair().await).advice.clone().unwrap();
    let (found, wanted) = (advice().await, format!("age -d -i identities.txt {} | zstd -d -o", sealed.display()));
    assert!(found.contains(&wanted), "{found}");
    let second = sealed.to_str().unwrap().replace(".db.zst.age", ".2.db.zst.age");
    let mut central = SqliteConnection::connect(installation.data_dir().central().to_str().unwrap()).await.unwrap();
    sqlx::query("UPDATE backups SET artefact = 2 WHERE encrypted = 1").execute(&mut central).await.unwrap();
    central.close().await.unwrap();
    fs::rename(&sealed, &second).unwrap();
    fs::rename(
        sealed.to_str().unwrap().replace(".db.zst.age", ".manifest.json"),
        second.replace(".db.zst.age", ".manifest.json"),
    )
    .unwrap();
    let found = advice().await;
    assert!(found.contains(&format!("{second} | zstd -d -o")), "{found}");
    fs::remove_file(installation.data_dir().central()).unwrap();
    fs::rename(
        installation.root.join(format!("backups/{}", installation.acme)),
        installation.root.join("backups/central"),
    )
    .unwrap();
    let report = installation.repair().await;
    let lost = report.checks.iter().find(|line| line.name == "central_database").unwrap();
    let words = lost.advice.as_deref().unwrap();
    assert!(words.contains("age -d") && words.contains(".2.db.zst.age | zstd"), "{words}");
}

#[tokio::test]
async fn a_flipped_bit_is_noticed() {
    let installation = Installation::new().await;
    let path = installation.database(installation.beta);
    // The kind of the second page, the root of some table or index.
    flip(&path, 4096);
    let report = assert_given_up(&installation, &path).await;
    assert_eq!(only(&report).advice.as_deref(), Some("there is no verified backup of it"));
}

#[tokio::test]
async fn an_empty_file_and_one_that_is_no_database_are_noticed() {
    let installation = Installation::new().await;
    fs::write(installation.database(installation.acme), "").unwrap();
    fs::write(installation.database(installation.beta), "x".repeat(8192)).unwrap();
    let report = installation.look().await;
    assert_eq!(bad(&report).len(), 2, "{:#?}", bad(&report));
}

#[tokio::test]
async fn another_tenants_file_in_its_place_is_noticed() {
    let installation = Installation::new().await;
    fs::copy(installation.database(installation.acme), installation.database(installation.beta)).unwrap();
    let report = installation.look().await;
    let line = only(&report);
    assert!(line.object.contains("beta"), "{line:?}");
    assert!(line.message.contains(&format!("that of tenant {}", installation.acme)), "{line:?}");
    assert_eq!(only(&installation.repair().await).status, Status::Unrepairable);
}

#[tokio::test]
async fn a_lost_database_is_named_with_the_way_back_and_never_made_anew() {
    let installation = Installation::new().await;
    fs::remove_dir_all(installation.data_dir().tenant(installation.acme)).unwrap();
    let report = installation.repair().await;
    let line = only(&report);
    assert_eq!((line.name, line.status), ("tenant_database", Status::Unrepairable));
    assert!(line.advice.as_deref().unwrap().contains(&installation.backup.to_string()), "{line:?}");
    assert!(!installation.data_dir().tenant(installation.acme).exists());
}

#[tokio::test]
async fn a_damaged_central_database_is_reported_and_the_rest_still_examined() {
    let installation = Installation::new().await;
    let central = installation.data_dir().central();
    fs::write(&central, "x".repeat(100_000)).unwrap();
    let folder = installation.root.join("backups/central");
    fs::create_dir(&folder).unwrap();
    for (name, content) in [("2.manifest.json", "{}"), ("1.manifest.json", "{}"), ("2.db.zst", "")] {
        fs::write(folder.join(name), content).unwrap();
    }
    let report = installation.look().await;
    let line = only(&report);
    assert_eq!((line.name, line.object.as_str()), ("central_database", central.to_str().unwrap()));
    assert_eq!(report.checks.iter().filter(|line| line.name == "tenant_database").count(), 2);
    let report = installation.repair().await;
    let line = bad(&report)[0];
    assert_eq!(line.status, Status::Unrepairable);
    assert!(line.advice.as_deref().unwrap().contains("central/2.db.zst -o"), "{line:?}");
    assert!(installation.aside("chiliview.db").exists());
}

#[tokio::test]
async fn a_missing_central_database_is_not_replaced_by_an_empty_one() {
    let installation = Installation::new().await;
    fs::remove_file(installation.data_dir().central()).unwrap();
    assert_eq!(only(&installation.look().await).message, "it is missing");
    let report = installation.repair().await;
    assert_eq!(bad(&report)[0].status, Status::Unrepairable);
    assert!(!installation.data_dir().central().exists());
}

#[tokio::test]
async fn an_index_that_differs_from_its_table_is_made_anew_after_a_copy() {
    let installation = Installation::new().await;
    let central = installation.data_dir().central();
    estrange_index(&central, "tenants_by_name", "UPDATE tenants SET name = name || ' changed'").await;
    let report = installation.look().await;
    assert!(only(&report).message.contains("an index differs from its table"), "{:?}", only(&report));
    let line = only(&installation.repair().await).clone();
    assert_eq!(line.status, Status::Repaired, "{line:?}");
    assert!(installation.aside("chiliview.db").exists());
    assert_calm(&installation.look().await);
}

/// Takes the index away for the time of one change.
async fn estrange_index(path: &Path, index: &str, change: &'static str) {
    type Row = (String, String, i64, String);
    let options = sqlite::options(path);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    let (name, table, root, sql): Row =
        sqlx::query_as("SELECT name, tbl_name, rootpage, sql FROM sqlite_schema WHERE name = $1")
            .bind(index)
            .fetch_one(&mut connection)
            .await
            .unwrap();
    connection.execute("PRAGMA writable_schema = ON").await.unwrap();
    sqlx::query("DELETE FROM sqlite_schema WHERE name = $1").bind(index).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    connection.execute(change).await.unwrap();
    connection.execute("PRAGMA writable_schema = ON").await.unwrap();
    sqlx::query("INSERT INTO sqlite_schema (type, name, tbl_name, rootpage, sql) VALUES ('index', $1, $2, $3, $4)")
        .bind(name)
        .bind(table)
        .bind(root)
        .bind(sql)
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
}

#[tokio::test]
async fn a_changed_line_of_the_audit_log_is_noticed() {
    let installation = Installation::new().await;
    let mut connection =
        SqliteConnection::connect_with(&sqlite::options(&installation.data_dir().central())).await.unwrap();
    connection.execute("UPDATE audit_log SET actor_name = 'somebody else' WHERE seq = 1").await.unwrap();
    connection.close().await.unwrap();
    let report = installation.look().await;
    assert_eq!(only(&report).name, "audit_chain");
    assert!(only(&report).message.starts_with("line 1 "));
}
