//! A PostgreSQL server that crashes and comes back, again and again, in the middle of writes and backups: nothing that was
//! acknowledged is lost, every backup ends, and no process has to be started anew.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use chiliview_store::{Clock, Error, TenantId, backups::BackupStatus, users};
use chiliview_worker::{queue::Options, supervise::Backoff};

use crate::{
    engines::skipped,
    postgres_server::PostgresServer,
    shop::{Shop, make_heavy, user},
    workshop::{options, until},
};

const CRASHES: usize = 3;

/// Users, one after the other; those that were acknowledged. What could not be acknowledged is tried under another name.
async fn write_on(
    shop: Arc<Shop>,
    tenant: TenantId,
    writer: usize,
    stop: Arc<AtomicBool>,
    noted: Arc<Mutex<Vec<String>>>,
) {
    for number in 0.. {
        if stop.load(Ordering::SeqCst) {
            return;
        }
        let name = format!("w{writer}-{number:06}");
        let database = shop.context.store.tenant(tenant).await;
        let written = match database {
            Ok(database) => database.write(async |tx| users::insert(tx, &user(&name)).await).await,
            Err(error) => Err(error),
        };
        match written {
            Ok(()) => noted.lock().unwrap().push(name),
            Err(Error::Unreachable(_) | Error::Busy(_)) => tokio::time::sleep(Duration::from_millis(20)).await,
            Err(error) => panic!("{error:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_crashes_and_comes_back_costs_nothing_that_was_acknowledged() {
    let Some(server) = PostgresServer::start() else { return skipped("PostgreSQL is not installed") };
    let home = tempfile::tempdir().unwrap();
    let shop = Arc::new(Shop::open(&server.settings(home.path()), Clock::system()).await);
    let (tenant, database) = shop.tenant().await;
    make_heavy(&database, 60).await;
    drop(database);
    let retry = Backoff { first: Duration::from_millis(200), most: Duration::from_secs(1) };
    let worker = shop.start(Options { retry, missed: 8, ..options() });
    let (stop, noted) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
    let writers: Vec<_> = (0..3)
        .map(|writer| tokio::spawn(write_on(shop.clone(), tenant, writer, stop.clone(), noted.clone())))
        .collect();
    for crash in 0..CRASHES {
        let before = noted.lock().unwrap().len();
        until("they write", async || noted.lock().unwrap().len() > before + 20).await;
        let backup = shop.ask_for_attempts(Some(tenant), 50).await;
        until("it runs", async || shop.status(backup).await != BackupStatus::Queued).await;
        server.crash();
        server.up();
        let ended = async || matches!(shop.try_find(backup).await, Some(found) if found.status.is_terminal());
        until("the backup has ended", ended).await;
        let found = shop.find(backup).await.unwrap();
        assert_eq!((found.status, found.error.as_deref()), (BackupStatus::Verified, None), "crash {crash}");
        shop.restored(&found).await;
    }
    stop.store(true, Ordering::SeqCst);
    for writer in writers {
        writer.await.unwrap();
    }
    let there = shop.names_in(tenant).await;
    let lost: Vec<_> =
        noted.lock().unwrap().iter().filter(|name| there.binary_search(name).is_err()).cloned().collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    shop.idle().await;
    worker.stop().await;
}
