//! The audit log: its order, its chain, and that nobody changes it unnoticed.

use chiliview_store::{
    Database, Error, Ids, TenantId,
    api_keys::{self, ApiKey, KeyRole},
    audit::{self, Actor, ActorKind, Entry, Event, Filter, Outcome},
    backups, restores,
    schedules::{self, Schedule, ScheduleScope},
    tenants,
};
use serde_json::json;
use uuid::Uuid;

use crate::{
    common::{at, read, tenant, tenant_database, write},
    engines::on_every_engine,
};

fn anna() -> Actor {
    Actor {
        kind: ActorKind::Admin,
        id: Some("admin-1".into()),
        name: "Anna Ä".into(),
        address: Some("10.0.0.1".into()),
        trace_id: Some("ab".repeat(16)),
    }
}

async fn record(db: &Database, actor: &Actor, event: Event) {
    write(db, async |tx| audit::record(tx, Ids.next(), at(1), actor, event.clone()).await).await;
}

async fn list(db: &Database, filter: Filter, limit: i64) -> Vec<Entry> {
    read(db, async |tx| audit::list(tx, &filter, limit).await).await
}

async fn verify(db: &Database) -> (i64, Option<i64>) {
    let found = read(db, audit::verify).await;
    (found.entries, found.broken_at)
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_are_numbered_chained_and_listed_by_what_they_are_about() {
    on_every_engine(async |store| {
        let (_, of_tenant) = tenant_database(&store).await;
        for db in [store.central(), &of_tenant] {
            assert_eq!(verify(db).await, (0, None));
            let changes = json!({"name": ["Old", "Nëw 🌶"]});
            record(db, &anna(), Event::done("tenant.update", "tenant", "t1").changing(changes.clone())).await;
            record(
                db,
                &Actor::system("worker", None),
                Event::done("backup.failed", "backup", "b1").ending(Outcome::Failed, "full"),
            )
            .await;
            record(db, &anna(), Event::done("tenant.delete", "tenant", "t1").ending(Outcome::Denied, "protected"))
                .await;
            let all = list(db, Filter::default(), 9).await;
            assert_eq!(all.iter().map(|entry| entry.seq).collect::<Vec<_>>(), [3, 2, 1]);
            assert_eq!((all[2].actor_name.as_str(), all[2].changes.clone()), ("Anna Ä", changes.to_string()));
            assert_eq!(
                (all[1].actor_kind, all[1].reason.as_deref(), all[1].outcome),
                (ActorKind::System, Some("full"), Outcome::Failed)
            );
            assert_eq!(
                (all[0].previous_hash.clone(), all[2].previous_hash.clone()),
                (all[1].hash.clone(), "0".repeat(64))
            );

            let seqs = async |filter, limit| -> Vec<i64> {
                list(db, filter, limit).await.into_iter().map(|entry| entry.seq).collect()
            };
            assert_eq!(seqs(Filter { object_id: Some("t1".into()), ..Filter::default() }, 9).await, [3, 1]);
            assert_eq!(seqs(Filter { action: Some("backup.failed".into()), ..Filter::default() }, 9).await, [2]);
            assert_eq!(
                seqs(Filter { actor_id: Some("admin-1".into()), before: Some(3), ..Filter::default() }, 9).await,
                [1]
            );
            assert_eq!(seqs(Filter::default(), 1).await, [3]);
            for (filter, wanted) in [
                (Filter { actor_name: Some("worker".into()), ..Filter::default() }, vec![2]),
                (Filter { object_kind: Some("tenant".into()), ..Filter::default() }, vec![3, 1]),
                (Filter { outcome: Some(Outcome::Denied), ..Filter::default() }, vec![3]),
                (Filter { since: Some(at(2)), ..Filter::default() }, vec![]),
                (Filter { since: Some(at(1)), until: Some(at(2)), ..Filter::default() }, vec![3, 2, 1]),
                (Filter { q: Some("PROTECTED".into()), ..Filter::default() }, vec![3]),
                (Filter { q: Some("old".into()), ..Filter::default() }, vec![1]),
            ] {
                assert_eq!(seqs(filter, 9).await, wanted);
            }
            let behind = read(db, async |tx| audit::since(tx, 1, 9).await).await;
            assert_eq!(behind.iter().map(|entry| entry.seq).collect::<Vec<_>>(), [2, 3]);
            assert_eq!(read(db, audit::last_seq).await, 3);
            assert_eq!(verify(db).await, (3, None));
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_writers_make_one_chain() {
    on_every_engine(async |store| {
        let tasks = (0..40).map(|number| {
            let store = store.clone();
            tokio::spawn(async move {
                let actor = Actor::system("test", None);
                let done = store.central().write(async |tx| {
                    let (id, event) = (Ids.next(), Event::done("a.b", "c", number));
                    audit::record(tx, id, at(number), &actor, event).await?;
                    if number % 4 == 0 { Err(Error::VersionMismatch) } else { Ok(()) }
                });
                done.await.is_ok()
            })
        });
        let ended = futures::future::join_all(tasks.collect::<Vec<_>>()).await;
        assert_eq!(ended.into_iter().filter(|done| matches!(done, Ok(true))).count(), 30);
        assert_eq!(verify(store.central()).await, (30, None));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_lines_in_one_go_and_more_than_one_page_verify() {
    on_every_engine(async |store| {
        let db = store.central();
        write(db, async |tx| {
            let events = (0..2100).map(|number| (Ids.next(), Event::done("a.b", "c", number)));
            audit::record_all(tx, at(0), &anna(), events).await
        })
        .await;
        record(db, &anna(), Event::done("a.b", "c", "last")).await;
        assert_eq!(verify(db).await, (2101, None));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tampering_is_found_where_it_happened() {
    let tampered: [(&'static str, (i64, Option<i64>)); 6] = [
        ("UPDATE audit_log SET actor_name = 'somebody else' WHERE seq = 3", (2, Some(3))),
        ("UPDATE audit_log SET changes = '{\"a\":1}' WHERE seq = 1", (0, Some(1))),
        ("UPDATE audit_log SET at = at + 1 WHERE seq = 5", (4, Some(5))),
        ("DELETE FROM audit_log WHERE seq = 2", (1, Some(3))),
        ("UPDATE audit_log SET hash = previous_hash WHERE seq = 4", (3, Some(4))),
        ("UPDATE audit_log SET address = NULL WHERE seq = 4", (3, Some(4))),
    ];
    for (statement, found) in tampered {
        on_every_engine(async |store| {
            let db = store.central();
            for number in 0..5 {
                record(db, &anna(), Event::done("a.b", "c", number)).await;
            }
            assert_eq!(write(db, async |tx| tx.query(statement).execute().await).await, 1);
            assert_eq!(verify(db).await, found, "{statement}");
        })
        .await;
    }
}

#[test]
fn a_creation_and_a_difference_name_the_fields() {
    let (before, after) = (json!({"a": 1, "b": 2, "c": null}), json!({"a": 1, "b": 3, "c": "x"}));
    assert_eq!(audit::difference(&before, &after), json!({"b": [2, 3], "c": [null, "x"]}));
    assert_eq!(audit::creation(&before), json!({"a": [null, 1], "b": [null, 2]}));
}

async fn backup_of(db: &Database, tenant: Option<TenantId>) -> Uuid {
    let new = crate::backups::new(tenant);
    write(db, async |tx| backups::insert(tx, &new).await).await;
    new.id.uuid()
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_that_are_followed_say_whom_they_concern() {
    on_every_engine(async |store| {
        let db = store.central();
        let home = tenant("acme", "Acme");
        write(db, async |tx| tenants::insert(tx, &home).await).await;
        let owner = home.id;
        let backup = backup_of(db, Some(owner)).await;
        let restore = crate::restores::new(owner, 0);
        write(db, async |tx| restores::insert(tx, &restore).await).await;
        let (scope, tenant_id) = (ScheduleScope::Tenant, Some(owner));
        let schedule = Schedule { scope, tenant_id, ..crate::schedules::schedule("Nightly") };
        write(db, async |tx| schedules::insert(tx, &schedule).await).await;
        let key = ApiKey { tenant_id, user_id: Some(Ids.next()), ..crate::api_keys::key(KeyRole::Manager) };
        write(db, async |tx| api_keys::insert(tx, &key, b"hash").await).await;
        let (of_nobody, of_the_gone) = (backup_of(db, None).await, backup_of(db, Some(Ids.next())).await);
        let gone = Ids.next::<Uuid>();
        let about = [
            ("tenant", owner.uuid(), true),
            ("backup", backup, true),
            ("restore", restore.id.uuid(), true),
            ("schedule", schedule.id.uuid(), true),
            ("api_key", key.id.uuid(), true),
            ("backup", of_nobody, false),
            ("backup", of_the_gone, false),
            ("tenant", gone, false),
            ("backup", gone, false),
            ("admin", backup, false),
        ];
        record(db, &anna(), Event::done("a.before", "tenant", owner)).await;
        for (kind, object, _) in about {
            record(db, &anna(), Event::done("a.b", kind, object)).await;
        }
        record(db, &anna(), Event::done("tenant.odd", "tenant", "t1")).await;
        record(db, &anna(), Event { object_id: None, ..Event::done("tenant.export", "tenant", "") }).await;
        let found = read(db, async |tx| audit::since_concerned(tx, 1, 99).await).await;
        let lines = read(db, async |tx| audit::since(tx, 1, 99).await).await;
        assert_eq!(
            found.iter().map(|line| format!("{:?}", line.entry)).collect::<Vec<_>>(),
            lines.iter().map(|line| format!("{line:?}")).collect::<Vec<_>>()
        );
        let concerned: Vec<_> = found.into_iter().map(|line| line.tenant_id.zip(line.tenant)).collect();
        let wanted = about.iter().map(|(.., concerns)| concerns.then(|| (owner, "acme".to_owned())));
        assert_eq!(concerned, wanted.chain([None, None]).collect::<Vec<_>>());
        assert_eq!(read(db, async |tx| audit::since_concerned(tx, 0, 2).await).await.len(), 2);
    })
    .await;
}
