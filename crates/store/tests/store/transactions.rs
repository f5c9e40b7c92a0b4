//! Transactions: all or nothing, on every engine at hand, many of them in one commit, and whoever leaves in the middle.

use std::{collections::BTreeSet, sync::Arc};

use chiliview_store::{Database, Engine, Error, Store};
use tokio::sync::{Barrier, Notify};

use crate::{
    common::{failure, make_probe, names, open, put, read, until, write},
    engines::{on_every_engine, on_every_settings},
};

#[tokio::test(flavor = "multi_thread")]
async fn an_error_leaves_nothing_behind_and_harms_no_neighbour() {
    on_every_engine(async |store| {
        make_probe(store.central()).await;
        let tasks = (0..200).map(|number| {
            let store = store.clone();
            tokio::spawn(async move {
                let name = format!("row {number:03}");
                let done = store.central().write(async |tx| {
                    put(tx, &name).await?;
                    if number % 3 == 0 { Err(Error::VersionMismatch) } else { Ok(()) }
                });
                match done.await {
                    Ok(()) => Some(name),
                    Err(Error::VersionMismatch) => None,
                    Err(other) => panic!("somebody else's error: {other}"),
                }
            })
        });
        let ended = futures::future::join_all(tasks.collect::<Vec<_>>()).await;
        let mut kept: Vec<String> = ended.into_iter().filter_map(Result::unwrap).collect();
        kept.sort();
        assert_eq!((kept.len(), names(store.central()).await), (133, kept));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_fails_in_a_batch_harms_only_its_own_member() {
    on_every_engine(async |store| {
        make_probe(store.central()).await;
        let tasks = (0..120).map(|number| {
            let store = store.clone();
            tokio::spawn(async move {
                // Every third wants the same name, after a row of its own that must go with it.
                store
                    .central()
                    .write(async |tx| {
                        put(tx, &format!("own {number:03}")).await?;
                        if number % 3 == 0 { put(tx, "the one name").await } else { Ok(()) }
                    })
                    .await
            })
        });
        let (mut clashes, mut kept) = (0, 0);
        for ended in futures::future::join_all(tasks.collect::<Vec<_>>()).await {
            match ended.unwrap() {
                Ok(()) => kept += 1,
                Err(Error::Duplicate { .. }) => clashes += 1,
                Err(other) => panic!("somebody else's error: {other}"),
            }
        }
        assert_eq!((kept, clashes), (81, 39));
        assert_eq!(names(store.central()).await.len(), 82);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ok_after_an_error_that_was_passed_over_is_the_truth() {
    on_every_engine(async |store| {
        let db = store.central();
        make_probe(db).await;
        write(db, async |tx| put(tx, "taken").await).await;
        let done = db.write(async |tx| {
            put(tx, "mine").await?;
            assert!(put(tx, "taken").await.is_err());
            Ok::<_, Error>(())
        });
        // SQLite undoes the statement alone, PostgreSQL the whole transaction: either way the answer says what there is.
        let kept = done.await.is_ok();
        assert_eq!(kept, store.engine() == Engine::Sqlite);
        assert_eq!(names(db).await.contains(&"mine".to_owned()), kept);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_is_rolled_back_and_the_next_write_works() {
    on_every_engine(async |store| {
        make_probe(store.central()).await;
        let tasks = (0..40).map(|number| {
            let store = store.clone();
            tokio::spawn(async move {
                store
                    .central()
                    .write(async |tx| {
                        put(tx, &format!("row {number}")).await?;
                        assert!(number % 2 == 0, "on purpose");
                        Ok::<(), Error>(())
                    })
                    .await
            })
        });
        let ended = futures::future::join_all(tasks.collect::<Vec<_>>()).await;
        assert_eq!(ended.iter().filter(|ended| ended.is_err()).count(), 20, "the panic reaches the caller");
        assert!(ended.into_iter().flatten().all(|done| done.is_ok()), "and nobody else");
        write(store.central(), async |tx| put(tx, "after").await).await;
        assert_eq!(names(store.central()).await.len(), 21);
    })
    .await;
}

/// Writers that hang up at every place where they can be: before their turn, in their work, between it and the commit.
async fn some_leave(store: &Store, round: usize) -> (BTreeSet<String>, BTreeSet<String>) {
    let mut tasks = Vec::new();
    for number in 0..60 {
        let (store, name) = (store.clone(), format!("{round:02} {number:03}"));
        let task = tokio::spawn(async move {
            store
                .central()
                .write(async |tx| {
                    put(tx, &format!("{name} a")).await?;
                    tokio::task::yield_now().await;
                    put(tx, &format!("{name} b")).await
                })
                .await
                .unwrap();
            name
        });
        tasks.push((number, task));
    }
    for (number, task) in &tasks {
        if number % 3 == 0 {
            for _ in 0..(number + round) % 7 {
                tokio::task::yield_now().await;
            }
            task.abort();
        }
    }
    let (mut acknowledged, mut stayed) = (BTreeSet::new(), BTreeSet::new());
    for (number, task) in tasks {
        match task.await {
            Ok(name) => drop(acknowledged.insert(name)),
            Err(error) => assert!(error.is_cancelled() && number % 3 == 0, "somebody was harmed: {error}"),
        }
        if number % 3 != 0 {
            stayed.insert(format!("{round:02} {number:03}"));
        }
    }
    (acknowledged, stayed)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_who_leaves_takes_nobody_with_him_and_leaves_nothing_half_written() {
    on_every_engine(async |store| {
        make_probe(store.central()).await;
        for round in 0..10 {
            let (acknowledged, stayed) = some_leave(&store, round).await;
            assert!(stayed.is_subset(&acknowledged));
            write(store.central(), async |tx| put(tx, &format!("{round:02} last")).await).await;
            let found: BTreeSet<String> = names(store.central()).await.into_iter().collect();
            for name in &acknowledged {
                assert!(found.contains(&format!("{name} a")) && found.contains(&format!("{name} b")), "{name}");
            }
            for name in found.iter().filter_map(|name| name.strip_suffix(" a")) {
                assert!(found.contains(&format!("{name} b")), "{name} is half there");
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_after_the_error_of_his_work_leaves_no_batch_behind() {
    on_every_engine(async |store| {
        make_probe(store.central()).await;
        for round in 0..200 {
            let failing = tokio::spawn({
                let store = store.clone();
                async move {
                    let lost = store.central().write(async |tx| {
                        put(tx, &format!("lost {round}")).await?;
                        Err::<(), _>(Error::VersionMismatch)
                    });
                    lost.await
                }
            });
            let kept = tokio::spawn({
                let store = store.clone();
                async move { store.central().write(async |tx| put(tx, &format!("kept {round}")).await).await }
            });
            for _ in 0..round % 40 {
                tokio::task::yield_now().await;
            }
            failing.abort();
            kept.await.unwrap().unwrap();
            drop(failing.await);
        }
        assert_eq!(names(store.central()).await.len(), 200);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_at_once_are_all_there_after_opening_again() {
    on_every_settings(async |settings| {
        let store = open(&settings).await;
        make_probe(store.central()).await;
        let together = Arc::new(Barrier::new(500));
        let tasks = (0..500).map(|number| {
            let (store, together) = (store.clone(), together.clone());
            tokio::spawn(async move {
                together.wait().await;
                store.central().write(async |tx| put(tx, &format!("{number:03}")).await).await.unwrap();
            })
        });
        for task in tasks.collect::<Vec<_>>() {
            task.await.unwrap();
        }
        store.close().await;
        drop(store);
        let again = open(&settings).await;
        assert_eq!(names(again.central()).await, (0..500).map(|number| format!("{number:03}")).collect::<Vec<_>>());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_sees_one_state_and_changes_nothing() {
    on_every_engine(async |store| {
        let db = store.central();
        make_probe(db).await;
        write(db, async |tx| put(tx, "first").await).await;
        let count = "SELECT count(*) FROM probe";
        let seen = read(db, async |tx| {
            let (before,): (i64,) = tx.query(count).fetch_one().await?;
            store.central().write(async |tx| put(tx, "second").await).await?;
            let (after,): (i64,) = tx.query(count).fetch_one().await?;
            Ok((before, after))
        });
        assert_eq!(seen.await, (1, 1));
        let refused = db.read(async |tx| put(tx, "third").await).await;
        assert!(matches!(refused, Err(Error::Database(_))), "{refused:?}");
        assert_eq!(names(db).await, ["first", "second"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_sees_what_the_one_before_it_in_the_batch_did() {
    on_every_engine(async |store| {
        make_probe(store.central()).await;
        let tasks = (0..50).map(|_| {
            let store = store.clone();
            tokio::spawn(async move {
                store
                    .central()
                    .write(async |tx| {
                        let (count,): (i64,) = tx.query("SELECT count(*) FROM probe").fetch_one().await?;
                        put(tx, &format!("{count:03}")).await
                    })
                    .await
                    .unwrap();
            })
        });
        for task in tasks.collect::<Vec<_>>() {
            task.await.unwrap();
        }
        assert_eq!(names(store.central()).await, (0..50).map(|count| format!("{count:03}")).collect::<Vec<_>>());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_between_the_members_of_a_batch_loses_nobody() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(&chiliview_store::Settings::sqlite(directory.path())).await;
    make_probe(store.central()).await;
    let Database::Sqlite(file) = store.central() else { unreachable!("it was opened on SQLite") };
    for round in 0..50 {
        let (began, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let writer = tokio::spawn({
            let (store, began, go_on) = (store.clone(), began.clone(), go_on.clone());
            async move {
                store
                    .central()
                    .write(async |tx| {
                        put(tx, &format!("{round:02}")).await?;
                        began.notify_one();
                        go_on.notified().await;
                        Ok::<_, Error>(())
                    })
                    .await
            }
        });
        began.notified().await;
        // Whoever waits behind the writer is who it leaves its commit to: here, a checkpoint.
        let checkpoint = tokio::spawn({
            let file = file.clone();
            async move { file.checkpoint().await }
        });
        for _ in 0..round {
            tokio::task::yield_now().await;
        }
        go_on.notify_one();
        writer.await.unwrap().unwrap();
        checkpoint.await.unwrap().unwrap();
    }
    assert_eq!(names(store.central()).await.len(), 50);
    until("the WAL is empty", async || file.checkpoint().await.is_ok() && file.wal_bytes() == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_waits_for_the_commit_of_those_who_were_first() {
    let directory = tempfile::tempdir().unwrap();
    let settings = chiliview_store::Settings::sqlite(directory.path());
    let mut kept = 0;
    for round in 0..20 {
        let store = open(&settings).await;
        make_probe(store.central()).await;
        let writers: Vec<_> = (0..20)
            .map(|number| {
                let store = store.clone();
                tokio::spawn(async move {
                    store.central().write(async |tx| put(tx, &format!("{round} {number}")).await).await
                })
            })
            .collect();
        for _ in 0..round {
            tokio::task::yield_now().await;
        }
        store.close().await;
        for writer in writers {
            match writer.await.unwrap() {
                Ok(()) => kept += 1,
                Err(error) => assert!(matches!(error, Error::Locked(_)), "{error}"),
            }
        }
        let late = failure(store.central(), async |tx| put(tx, "late").await).await;
        assert!(matches!(late, Error::Locked(_)), "{late}");
    }
    assert_eq!(names(open(&settings).await.central()).await.len(), kept);
}

/// Otherwise somebody is told that a row has changed, reads it, and finds it unchanged.
#[tokio::test(flavor = "multi_thread")]
async fn who_is_refused_because_of_anothers_change_finds_it() {
    on_every_engine(async |store| {
        let db = store.central();
        make_probe(db).await;
        for round in 0..100 {
            let name = format!("round {round}");
            let attempts = (0..6).map(async |_| {
                let Err(error) = db.write(async |tx| put(tx, &name).await).await else { return true };
                assert!(matches!(error, Error::Duplicate { .. }), "{error}");
                let count = "SELECT count(*) FROM probe WHERE name = $1";
                let (there,): (i64,) = read(db, async |tx| tx.query(count).bind(name.clone()).fetch_one().await).await;
                assert_eq!(there, 1, "{name}: refused because of what is not there");
                false
            });
            let kept = futures::future::join_all(attempts).await;
            assert_eq!(kept.into_iter().filter(|kept| *kept).count(), 1, "{name}");
        }
    })
    .await;
}
