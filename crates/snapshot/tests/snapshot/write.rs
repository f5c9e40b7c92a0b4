//! What a snapshot contains, whatever happens to the database meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chiliview_snapshot::{Check, Depth, Engine, Error, Identities, Owner, Watch, unpack};
use sqlx::{Connection as _, Row as _};

use crate::common::{self, BACKUP, Fixture, TENANT, TOTAL};

#[tokio::test]
async fn an_idle_database_comes_back_byte_for_byte() {
    let fixture = Fixture::new().await;
    let mut live = fixture.live(20_000).await;
    common::checkpoint(&mut live).await;
    let manifest = fixture.write().await.unwrap();
    let out = fixture.dir.path().join("out.db");
    unpack(&fixture.shelf, &fixture.key(), &manifest, &Identities::none(), &out, &Watch::unobserved()).await.unwrap();
    assert!(std::fs::read(&out).unwrap() == std::fs::read(fixture.database()).unwrap());
    let again =
        unpack(&fixture.shelf, &fixture.key(), &manifest, &Identities::none(), &out, &Watch::unobserved()).await;
    assert!(matches!(again, Err(Error::Io { .. })), "what is there is not overwritten");
}

#[tokio::test]
async fn the_manifest_tells_what_was_read() {
    let fixture = Fixture::new().await;
    let _live = fixture.live(321).await;
    let manifest = fixture.write().await.unwrap();
    assert_eq!(manifest.backup, BACKUP);
    assert_eq!(manifest.owner, Owner::Tenant { id: TENANT, slug: "acme".into() });
    assert_eq!(manifest.engine, Engine::Sqlite);
    assert_eq!(manifest.schema_version, 20_260_302);
    assert_eq!(manifest.rows["odd \" name"], 321);
    assert_eq!(manifest.rows["accounts"], 100);
    assert!(!manifest.rows.contains_key("words"), "a virtual table has no rows of its own");
    assert_eq!(manifest.taken_at.to_rfc3339(), "2026-09-21T14:13:20.123456+00:00");
    assert_eq!(manifest.stored_bytes, fixture.artefact().metadata().unwrap().len());
    assert_eq!(fixture.shelf.manifest(&fixture.key()).await.unwrap(), manifest);
}

#[tokio::test]
async fn what_is_only_in_the_wal_is_in_the_snapshot() {
    let fixture = Fixture::new().await;
    let mut live = fixture.live(10).await;
    common::checkpoint(&mut live).await;
    sqlx::query("PRAGMA wal_autocheckpoint = 0").execute(&mut live).await.unwrap();
    sqlx::query("INSERT INTO accounts VALUES (4711, 0)").execute(&mut live).await.unwrap();
    let manifest = fixture.write().await.unwrap();
    assert_eq!(manifest.rows["accounts"], 101);
    fixture.prove(&manifest, Depth::Full).await.unwrap();
}

#[tokio::test]
async fn a_proof_names_every_check() {
    let fixture = Fixture::new().await;
    let _live = fixture.live(100).await;
    let manifest = fixture.write().await.unwrap();
    let quick = fixture.prove(&manifest, Depth::Quick).await.unwrap();
    assert!(quick.checks.contains(&Check::QuickCheck) && !quick.checks.contains(&Check::IntegrityCheck));
    let full = fixture.prove(&manifest, Depth::Full).await.unwrap();
    assert_eq!((&quick.checks, &full.checks), (&Depth::Quick.checks(&manifest), &Depth::Full.checks(&manifest)));
    assert!(full.checks.contains(&Check::IntegrityCheck) && full.checks.contains(&Check::ForeignKeys));
    assert_eq!((full.key, full.depth), (fixture.key(), Depth::Full));
    assert!(fixture.scratch_is_empty());
}

#[tokio::test]
async fn snapshots_beside_writers_are_consistent_and_no_writer_fails() {
    let fixture = Fixture::new().await;
    let _live = fixture.live(30_000).await;
    let stop = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..3).map(|n| tokio::spawn(transfers(fixture.database(), Arc::clone(&stop), n))).collect();
    for round in 0..6 {
        let manifest = fixture.write().await.unwrap();
        fixture.prove(&manifest, Depth::Full).await.unwrap();
        let out = fixture.dir.path().join(format!("{round}.db"));
        unpack(&fixture.shelf, &fixture.key(), &manifest, &Identities::none(), &out, &Watch::unobserved())
            .await
            .unwrap();
        let mut copy = common::connect(&out).await;
        let row = sqlx::query("SELECT sum(balance), count(*) FROM accounts").fetch_one(&mut copy).await.unwrap();
        assert_eq!((row.get::<i64, _>(0), row.get::<i64, _>(1)), (TOTAL, 100));
        copy.close().await.unwrap();
        fixture.shelf.remove(&fixture.key()).await.unwrap();
    }
    stop.store(true, Ordering::Relaxed);
    for writer in writers {
        assert!(writer.await.unwrap() > 0);
    }
}

/// Moves money and lengthens the database until told to stop; how often.
async fn transfers(database: std::path::PathBuf, stop: Arc<AtomicBool>, seed: i64) -> u64 {
    let mut live = common::connect(&database).await;
    let mut done = 0;
    while !stop.load(Ordering::Relaxed) {
        let mut tx = live.begin_with("BEGIN IMMEDIATE").await.unwrap();
        let (from, to) = ((seed * 31 + done) % 100 + 1, (seed * 17 + done * 7) % 100 + 1);
        let amount = done % 50;
        for (account, change) in [(from, -amount), (to, amount)] {
            let update = sqlx::query("UPDATE accounts SET balance = balance + $1 WHERE id = $2");
            update.bind(change).bind(account).execute(&mut *tx).await.unwrap();
        }
        let insert = sqlx::query("INSERT INTO \"odd \"\" name\" (account, note) VALUES ($1, hex(randomblob(500)))");
        insert.bind(from).execute(&mut *tx).await.unwrap();
        tx.commit().await.unwrap();
        done += 1;
    }
    done.unsigned_abs()
}

#[tokio::test]
async fn a_complete_snapshot_is_never_overwritten() {
    let fixture = Fixture::new().await;
    let _live = fixture.live(10).await;
    fixture.write().await.unwrap();
    assert!(matches!(fixture.write().await, Err(Error::AlreadyPublished(_))));
    assert_eq!(fixture.files().len(), 2);
}

#[tokio::test]
async fn an_artefact_that_a_crash_left_without_manifest_is_replaced() {
    let fixture = Fixture::new().await;
    let _live = fixture.live(10).await;
    fixture.write().await.unwrap();
    std::fs::remove_file(fixture.manifest()).unwrap();
    std::fs::write(fixture.artefact(), "half").unwrap();
    let manifest = fixture.write().await.unwrap();
    fixture.prove(&manifest, Depth::Full).await.unwrap();
}

#[tokio::test]
async fn a_missing_or_foreign_source_fails_and_leaves_nothing() {
    let fixture = Fixture::new().await;
    assert!(matches!(fixture.write().await, Err(Error::Database { .. })));
    std::fs::write(fixture.database(), "this is no database at all, and long enough to be read as one".repeat(99))
        .unwrap();
    assert!(matches!(fixture.write().await, Err(Error::Database { .. })));
    assert_eq!(fixture.files(), Vec::<std::path::PathBuf>::new());
}

#[tokio::test]
async fn every_page_size_is_read_and_proven() {
    for page_size in [512, 1024, 8192, 65_536] {
        let fixture = Fixture::new().await;
        let mut live = common::connect(&fixture.dir.path().join("first.db")).await;
        let setup = format!("PRAGMA page_size = {page_size}; VACUUM INTO '{}'", fixture.database().display());
        sqlx::raw_sql(sqlx::AssertSqlSafe(setup)).execute(&mut live).await.unwrap();
        let mut live = common::connect(&fixture.database()).await;
        common::fill(&mut live, 2000).await;
        let manifest = fixture.write().await.unwrap();
        assert_eq!(manifest.page_size, page_size);
        fixture.prove(&manifest, Depth::Full).await.unwrap();
    }
}

/// The page that holds byte 2^30 belongs to SQLite's locks; `sqlite_dbpage` answers zeros for it.
#[tokio::test]
async fn a_database_beyond_the_lock_page_is_whole() {
    let fixture = Fixture::new().await;
    let mut live = common::connect(&fixture.dir.path().join("first.db")).await;
    let setup = format!("PRAGMA page_size = 65536; VACUUM INTO '{}'", fixture.database().display());
    sqlx::raw_sql(sqlx::AssertSqlSafe(setup)).execute(&mut live).await.unwrap();
    let mut live = common::connect(&fixture.database()).await;
    let zeros =
        "CREATE TABLE blobs (b BLOB); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1030)
                 INSERT INTO blobs SELECT zeroblob(1 << 20) FROM n";
    sqlx::raw_sql(zeros).execute(&mut live).await.unwrap();
    common::checkpoint(&mut live).await;
    let manifest = fixture.write().await.unwrap();
    assert!(manifest.plain_bytes > 1 << 30);
    fixture.prove(&manifest, Depth::Quick).await.unwrap();
}
