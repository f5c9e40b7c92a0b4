//! Restores.

use chiliview_store::{
    Database, Error, Ids, RestoreId, TenantId,
    paging::Direction,
    restores::{self, Filter, New, Progress, Restore, RestoreStatus, Target},
};

use crate::{
    common::{at, failure, page, read, write},
    engines::on_every_engine,
};

pub(crate) fn new(tenant: TenantId, second: i64) -> New {
    New {
        id: Ids.next(),
        backup: Ids.next(),
        target: Target::Same,
        tenant,
        slug: "acme".into(),
        name: Some("Acme".into()),
        plan: "{}".into(),
        without_safety: false,
        requested_by: "anna".into(),
        trace_id: Some("0af7651916cd43dd8448eb211c80319c".into()),
        at: at(second),
    }
}

async fn add(db: &Database, new: New) -> RestoreId {
    write(db, async |tx| restores::insert(tx, &new).await).await;
    new.id
}

async fn found(db: &Database, id: RestoreId) -> Restore {
    read(db, async |tx| restores::find(tx, id).await).await.unwrap()
}

/// Through its whole way, with an undo window until `until`.
async fn done(db: &Database, new: New, until: i64) -> RestoreId {
    let id = add(db, new).await;
    let number = write(db, async |tx| restores::start(tx, id, at(1)).await).await.unwrap();
    assert!(write(db, async |tx| restores::done(tx, id, number, Some(at(until)), at(2)).await).await);
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_goes_its_way_and_only_the_last_attempt_writes() {
    on_every_engine(async |store| {
        let db = store.central();
        let id = add(db, new(Ids.next(), 0)).await;
        let first = write(db, async |tx| restores::start(tx, id, at(1)).await).await.unwrap();
        let second = write(db, async |tx| restores::start(tx, id, at(2)).await).await.unwrap();
        assert_eq!((first, second), (1, 2));
        assert!(!read(db, async |tx| restores::is_under_way(tx, id, first).await).await);
        assert!(read(db, async |tx| restores::is_under_way(tx, id, second).await).await);
        let half = Progress { phase: "unpacking", done_bytes: 5, total_bytes: Some(10) };
        assert!(!write(db, async |tx| restores::progress(tx, id, first, half, at(3)).await).await);
        assert!(write(db, async |tx| restores::progress(tx, id, second, half, at(3)).await).await);
        let safety = Ids.next();
        assert!(!write(db, async |tx| restores::note_safety(tx, id, first, safety, at(4)).await).await);
        assert!(write(db, async |tx| restores::note_safety(tx, id, second, safety, at(4)).await).await);
        assert!(write(db, async |tx| restores::retry_later(tx, id, second, &"no room".into(), at(4)).await).await);
        assert_eq!(found(db, id).await.error.as_deref(), Some("no room"));
        assert!(write(db, async |tx| restores::passes_the_point(tx, id, second, at(5)).await).await);
        assert!(!write(db, async |tx| restores::done(tx, id, first, None, at(6)).await).await);
        assert!(write(db, async |tx| restores::done(tx, id, second, Some(at(100)), at(6)).await).await);
        let row = found(db, id).await;
        assert_eq!((row.status, row.safety_backup_id, row.error), (RestoreStatus::Done, Some(safety), None));
        assert_eq!((row.started_at, row.finished_at, row.undo_until), (Some(at(1)), Some(at(6)), Some(at(100))));
        assert!(!write(db, async |tx| restores::end(tx, id, RestoreStatus::Failed, &"late".into(), at(7)).await).await);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_has_one_restore_under_way_at_the_most() {
    on_every_engine(async |store| {
        let db = store.central();
        let tenant = Ids.next();
        let first = add(db, new(tenant, 0)).await;
        let second = new(tenant, 1);
        let refused = failure(db, async |tx| restores::insert(tx, &second).await).await;
        assert!(matches!(refused, Error::Duplicate { .. }), "{refused}");
        add(db, new(Ids.next(), 1)).await;
        let found = read(db, async |tx| restores::under_way(tx, tenant).await).await;
        assert_eq!(found.map(|row| row.id), Some(first));
        assert!(
            write(db, async |tx| restores::end(tx, first, RestoreStatus::Failed, &"damaged".into(), at(2)).await).await
        );
        add(db, second).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_is_called_off_until_it_swaps() {
    on_every_engine(async |store| {
        let db = store.central();
        let waiting = add(db, new(Ids.next(), 0)).await;
        assert!(write(db, async |tx| restores::request_cancel(tx, waiting, at(1)).await).await);
        assert_eq!(found(db, waiting).await.status, RestoreStatus::Cancelled);
        let running = add(db, new(Ids.next(), 0)).await;
        let number = write(db, async |tx| restores::start(tx, running, at(1)).await).await.unwrap();
        assert!(!read(db, async |tx| restores::is_cancel_requested(tx, running).await).await);
        assert!(write(db, async |tx| restores::request_cancel(tx, running, at(2)).await).await);
        assert!(read(db, async |tx| restores::is_cancel_requested(tx, running).await).await);
        assert!(!write(db, async |tx| restores::passes_the_point(tx, running, number, at(3)).await).await);
        let swapping = add(db, new(Ids.next(), 0)).await;
        let number = write(db, async |tx| restores::start(tx, swapping, at(1)).await).await.unwrap();
        assert!(write(db, async |tx| restores::passes_the_point(tx, swapping, number, at(2)).await).await);
        assert!(!write(db, async |tx| restores::request_cancel(tx, swapping, at(3)).await).await);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_restore_is_undone_within_its_window_and_the_one_before_it_afterwards() {
    on_every_engine(async |store| {
        let db = store.central();
        let tenant = Ids.next();
        let older = done(db, new(tenant, 0), 100).await;
        let newer = done(db, new(tenant, 1), 100).await;
        let ask = async |id, second| write(db, async |tx| restores::request_undo(tx, id, true, at(second)).await).await;
        assert!(!ask(older, 3).await, "a later one is done");
        assert!(!ask(newer, 100).await, "its window is over");
        assert!(ask(newer, 99).await);
        assert_eq!(write(db, async |tx| restores::start(tx, newer, at(99)).await).await, None, "it is an undo");
        let number = write(db, async |tx| restores::start_undo(tx, newer, at(99)).await).await.unwrap();
        assert!(write(db, async |tx| restores::undo_failed(tx, newer, &"no room".into(), at(99)).await).await);
        assert_eq!(found(db, newer).await.status, RestoreStatus::Done);
        assert!(ask(newer, 99).await, "it can be asked for again");
        assert!(!write(db, async |tx| restores::undone(tx, newer, number + 1, at(99)).await).await);
        assert!(write(db, async |tx| restores::undone(tx, newer, number, at(99)).await).await);
        let row = found(db, newer).await;
        assert_eq!((row.status, row.undo_until, row.without_safety), (RestoreStatus::Undone, None, 1));
        assert!(ask(older, 99).await);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_kept_is_forgotten_after_the_window_and_not_before() {
    on_every_engine(async |store| {
        let db = store.central();
        let id = done(db, new(Ids.next(), 0), 100).await;
        assert!(!write(db, async |tx| restores::forget(tx, id, at(99)).await).await);
        assert!(write(db, async |tx| restores::forget(tx, id, at(100)).await).await);
        assert_eq!(found(db, id).await.undo_until, None);
        assert!(!write(db, async |tx| restores::request_undo(tx, id, false, at(50)).await).await);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn restores_are_listed_and_their_changes_followed() {
    on_every_engine(async |store| {
        let db = store.central();
        let tenant = Ids.next();
        let first = done(db, new(tenant, 0), 100).await;
        let second = add(db, new(tenant, 1)).await;
        let other = add(db, new(Ids.next(), 5)).await;
        let list = async |filter: Filter, direction| {
            let page = page(direction, 10, None);
            let rows = read(db, async |tx| restores::list(tx, &filter, &page).await).await;
            rows.into_iter().map(|row| row.id).collect::<Vec<_>>()
        };
        assert_eq!(list(Filter::default(), Direction::Ascending).await, [first, second, other]);
        let of_tenant = Filter { tenant: Some(tenant), ..Filter::default() };
        assert_eq!(list(of_tenant, Direction::Descending).await, [second, first]);
        let done = Filter { status: Some(RestoreStatus::Done), ..Filter::default() };
        assert_eq!(list(done, Direction::Ascending).await, [first]);
        let of_backup = read(db, async |tx| restores::find(tx, second).await).await.unwrap().backup_id.to_string();
        for (q, wanted) in
            [(of_backup, vec![second]), ("ACME".to_owned(), vec![first, second, other]), ("%".to_owned(), vec![])]
        {
            assert_eq!(
                list(Filter { q: Some(q.clone()), ..Filter::default() }, Direction::Ascending).await,
                wanted,
                "{q}"
            );
        }
        let changed = read(db, async |tx| restores::changed_since(tx, at(1), Some(second), 9).await).await;
        assert_eq!(changed.into_iter().map(|row| row.id).collect::<Vec<_>>(), [first, other]);
    })
    .await;
}
