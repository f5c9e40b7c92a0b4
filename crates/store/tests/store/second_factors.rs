//! The second factor of admins.

use chiliview_store::{
    admins::{self, AdminRole},
    second_factors,
};

use crate::{
    common::{admin, at, read, write},
    engines::on_every_engine,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_factor_is_begun_confirmed_once_and_taken_back() {
    on_every_engine(async |store| {
        let db = store.central();
        let anna = admin("anna", AdminRole::Owner);
        write(db, async |tx| admins::insert(tx, &anna).await).await;
        let begin =
            async |secret: &[u8]| write(db, async |tx| second_factors::begin(tx, anna.id, secret, at(0)).await).await;
        let find = async || read(db, async |tx| second_factors::find(tx, anna.id).await).await;
        assert!(find().await.is_none());
        assert!(begin(b"first").await && begin(b"second").await);
        assert_eq!(find().await.unwrap().secret, b"second");
        assert!(read(db, second_factors::confirmed).await.is_empty());
        let confirm = async || write(db, async |tx| second_factors::confirm(tx, anna.id, at(1)).await).await;
        assert!(confirm().await && !confirm().await);
        assert!(!begin(b"third").await, "a confirmed one stays");
        assert_eq!(
            (find().await.unwrap().secret, find().await.unwrap().confirmed_at),
            (b"second".to_vec(), Some(at(1)))
        );
        assert_eq!(read(db, second_factors::confirmed).await, [(anna.id,)]);
        let delete = async || write(db, async |tx| second_factors::delete(tx, anna.id).await).await;
        assert!(delete().await && !delete().await);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_work_once() {
    on_every_engine(async |store| {
        let db = store.central();
        let anna = admin("anna", AdminRole::Owner);
        write(db, async |tx| admins::insert(tx, &anna).await).await;
        write(db, async |tx| second_factors::begin(tx, anna.id, b"secret", at(0)).await).await;
        let step = async |step| write(db, async |tx| second_factors::take_step(tx, anna.id, step).await).await;
        assert_eq!([step(10).await, step(10).await, step(9).await, step(11).await], [true, false, false, true]);

        let hashes = [b"one".to_vec(), b"two".to_vec()];
        let left = async || read(db, async |tx| second_factors::recovery_codes_left(tx, anna.id).await).await;
        write(db, async |tx| second_factors::set_recovery_codes(tx, anna.id, &[b"old".to_vec()]).await).await;
        write(db, async |tx| second_factors::set_recovery_codes(tx, anna.id, &hashes).await).await;
        let take =
            async |hash: &[u8]| write(db, async |tx| second_factors::take_recovery_code(tx, anna.id, hash).await).await;
        assert_eq!([take(b"old").await, take(b"one").await, take(b"one").await], [false, true, false]);
        assert_eq!(left().await, 1);
        write(db, async |tx| second_factors::delete(tx, anna.id).await).await;
        assert_eq!(left().await, 0);
    })
    .await;
}
