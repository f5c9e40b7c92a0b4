//! The write lock of a tenant's database: whoever wrote before it is in, whoever comes later is refused.

use chiliview_store::{Error, Ids, users, write_lock};
use futures::future::join_all;

use crate::{
    common::{at, failure, make_probe, names, put, read, tenant_database, user, write},
    engines::on_every_engine,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_database_is_read_and_not_written_until_its_holder_lets_go() {
    on_every_engine(async |store| {
        let (tenant, database) = tenant_database(&store).await;
        let (restore, other) = (Ids.next(), Ids.next());
        write(&database, async |tx| users::insert(tx, &user("before")).await).await;
        write(&database, async |tx| write_lock::set(tx, restore, tenant, at(1)).await).await;

        let refused = failure(&database, async |tx| users::insert(tx, &user("during")).await).await;
        assert!(matches!(refused, Error::Locked("restored")), "{refused}");
        assert_eq!(read(&database, users::count).await, 1);
        let lock = read(&database, write_lock::find).await.unwrap();
        assert!(lock.is_held_by(restore) && !lock.is_held_by(other));
        assert_eq!(lock.since, at(1));

        assert!(!database.write_past_lock(async |tx| write_lock::clear(tx, other).await).await.unwrap());
        database.write_past_lock(async |tx| users::insert(tx, &user("the holder")).await).await.unwrap();
        assert!(database.write_past_lock(async |tx| write_lock::clear(tx, restore).await).await.unwrap());
        write(&database, async |tx| users::insert(tx, &user("after")).await).await;
        assert!(!write(&database, write_lock::unlock).await, "it was not locked");
        write(&database, async |tx| write_lock::set(tx, other, tenant, at(2)).await).await;
        assert!(database.write_past_lock(write_lock::unlock).await.unwrap(), "whoever holds it");
        assert_eq!(read(&database, users::count).await, 3);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_central_database_has_no_lock_to_look_at() {
    on_every_engine(async |store| {
        make_probe(store.central()).await;
        write(store.central(), async |tx| put(tx, "x").await).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_writers_those_before_the_lock_are_in_and_the_others_know_it() {
    on_every_engine(async |store| {
        let (tenant, database) = tenant_database(&store).await;
        make_probe(&database).await;
        let restore = Ids.next();
        let writers = (0..64).map(|number| {
            let database = database.clone();
            tokio::spawn(async move {
                let mut acknowledged = Vec::new();
                for turn in 0..20 {
                    let name = format!("{number:02}-{turn:02}");
                    match database.write(async |tx| put(tx, &name).await).await {
                        Ok(()) => acknowledged.push(name),
                        Err(Error::Locked(_)) => return acknowledged,
                        Err(error) => panic!("{error}"),
                    }
                }
                acknowledged
            })
        });
        let writers: Vec<_> = writers.collect();
        write(&database, async |tx| write_lock::set(tx, restore, tenant, at(0)).await).await;
        let locked = names(&database).await;
        let mut acknowledged: Vec<String> = join_all(writers).await.into_iter().flat_map(Result::unwrap).collect();
        acknowledged.sort();
        assert_eq!(acknowledged, names(&database).await, "what was acknowledged is there, and nothing else");
        assert_eq!(locked, acknowledged, "and nothing came after the lock");
    })
    .await;
}
