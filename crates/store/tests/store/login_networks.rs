//! Where accounts logged in.

use chiliview_store::{
    Database, Timestamp, login_networks,
    throttle::{Network, Subject},
};

use crate::{
    common::{at, read, write},
    engines::on_every_engine,
};

fn network(last: u8) -> Network {
    Network::of(Some([10, 0, 0, last].into()))
}

async fn remember(db: &Database, account: &Subject, network: Network, now: Timestamp) {
    write(db, async |tx| login_networks::remember(tx, account, network, now).await).await;
}

async fn is_known(db: &Database, account: &Subject, network: Network, since: Timestamp) -> bool {
    read(db, async |tx| login_networks::is_known(tx, account, network, since).await).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_known_where_it_logged_in_lately_and_nowhere_else() {
    on_every_engine(async |store| {
        let db = store.central();
        let (anna, other) = (Subject::account(Some("acme"), "Anna"), Subject::account(None, "anna"));
        remember(db, &anna, network(1), at(10)).await;
        assert!(is_known(db, &anna, network(1), at(9)).await);
        assert!(is_known(db, &Subject::account(Some("acme"), "ANNA"), network(1), at(9)).await);
        assert!(!is_known(db, &anna, network(1), at(10)).await, "too long ago");
        assert!(!is_known(db, &anna, network(2), at(9)).await);
        assert!(!is_known(db, &other, network(1), at(9)).await);
        remember(db, &anna, network(1), at(20)).await;
        assert_eq!(write(db, async |tx| login_networks::delete_older(tx, at(19)).await).await, 0);
        assert!(is_known(db, &anna, network(1), at(19)).await, "seen again");
        assert_eq!(write(db, async |tx| login_networks::delete_older(tx, at(20)).await).await, 1);
        assert!(!is_known(db, &anna, network(1), at(0)).await);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_too_many_networks_the_oldest_are_forgotten() {
    on_every_engine(async |store| {
        let db = store.central();
        let (anna, bob) = (Subject::account(None, "anna"), Subject::account(None, "bob"));
        remember(db, &bob, network(1), at(0)).await;
        for turn in 0..40 {
            remember(db, &anna, network(turn), at(turn.into())).await;
        }
        for turn in 0..40 {
            assert_eq!(is_known(db, &anna, network(turn), at(-1)).await, turn >= 8, "{turn}");
        }
        assert!(is_known(db, &bob, network(1), at(-1)).await);
    })
    .await;
}
