//! Remembered answers.

use chiliview_store::idempotency::{self, Answer};

use crate::{
    common::{at, failure, read, tenant_database, write},
    engines::on_every_engine,
};

#[tokio::test(flavor = "multi_thread")]
async fn the_first_answer_is_the_only_one_until_it_is_forgotten() {
    on_every_engine(async |store| {
        let (_, of_tenant) = tenant_database(&store).await;
        for db in [store.central(), &of_tenant] {
            let first = Answer {
                request_hash: "ab".repeat(32),
                location: Some("/api/tenants/1".into()),
                body: "{\"name\":\"Zoë\"}".into(),
            };
            let other = Answer { location: None, ..first.clone() };
            let find = async |caller, key| read(db, async |tx| idempotency::find(tx, caller, key).await).await;
            let remember = |caller, key, answer| {
                async move |tx: &mut chiliview_store::Tx| idempotency::remember(tx, caller, key, answer, at(0)).await
            };
            assert_eq!(find("admin:1", "k").await, None);
            write(db, remember("admin:1", "k", &first)).await;
            let clash = failure(db, remember("admin:1", "k", &other)).await;
            assert!(matches!(clash, chiliview_store::Error::Duplicate { .. }), "{clash}");
            write(db, remember("admin:2", "k", &other)).await;
            assert_eq!(find("admin:1", "k").await, Some(first));
            assert_eq!(find("admin:2", "k").await, Some(other));
            assert_eq!(find("admin:2", "K").await, None);
            assert_eq!(write(db, async |tx| idempotency::delete_older(tx, at(0)).await).await, 0);
            assert_eq!(write(db, async |tx| idempotency::delete_older(tx, at(1)).await).await, 2);
        }
    })
    .await;
}
