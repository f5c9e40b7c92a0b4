//! A fingerprint tells whether anything was written since a snapshot.

use chiliview_snapshot::{Error, Fingerprint, Source, Watch, fingerprint};
use sqlx::Connection as _;

use crate::common::{self, Fixture};

async fn now(fixture: &Fixture) -> Fingerprint {
    fingerprint(&Source::Sqlite(fixture.database()), &Watch::unobserved()).await.unwrap()
}

#[tokio::test]
async fn an_unchanged_database_has_the_fingerprint_of_its_snapshot() {
    for fixture in [Fixture::new().await, Fixture::sealed().await] {
        let mut live = fixture.live(3000).await;
        let manifest = fixture.write().await.unwrap();
        let expected = Fingerprint::Pages { bytes: manifest.plain_bytes, sha256: manifest.plain_sha256 };
        assert!(expected.is_of(&manifest));
        assert_eq!(now(&fixture).await, expected);
        common::checkpoint(&mut live).await;
        assert_eq!(now(&fixture).await, expected, "after a checkpoint");
        live.close().await.unwrap();
        assert_eq!(now(&fixture).await, expected, "after everybody closed it");
        let mut live = common::connect(&fixture.database()).await;
        sqlx::query("SELECT count(*) FROM accounts").execute(&mut live).await.unwrap();
        assert_eq!(now(&fixture).await, expected, "after it was opened and read");
    }
}

#[tokio::test]
async fn one_changed_row_changes_the_fingerprint() {
    let fixture = Fixture::new().await;
    let mut live = fixture.live(3000).await;
    let before = now(&fixture).await;
    sqlx::query("UPDATE accounts SET balance = balance + 1 WHERE id = 7").execute(&mut live).await.unwrap();
    let after = now(&fixture).await;
    assert_ne!(before, after);
}

#[tokio::test]
async fn a_missing_database_has_no_fingerprint() {
    let fixture = Fixture::new().await;
    let outcome = fingerprint(&Source::Sqlite(fixture.database()), &Watch::unobserved()).await;
    assert!(matches!(outcome, Err(Error::Database { .. })), "{outcome:?}");
}

#[tokio::test]
async fn a_cancelled_fingerprint_ends() {
    let fixture = Fixture::new().await;
    let _live = fixture.live(100).await;
    let watch = Watch::unobserved();
    watch.cancel.cancel();
    assert!(matches!(fingerprint(&Source::Sqlite(fixture.database()), &watch).await, Err(Error::Cancelled)));
}
