//! Which schedules are late.

use std::time::Duration;

use chiliview_store::{
    Database, Ids, TenantId, Timestamp,
    backups::{self, BackupStatus, New, Origin, ProofDepth, Punctuality, Verified},
    tenants,
};

use crate::{
    common::{at, read, tenant, write},
    engines::on_every_engine,
};

const GRACE: Duration = Duration::from_secs(100);
/// The schedule that is there from the first start: every night, everything, up to half an hour of jitter.
const EVERY_NIGHT: &str = "01939c00-0000-7000-8000-000000000001";
const JITTER: i64 = 1800;

async fn punctuality(db: &Database, now: i64) -> Punctuality {
    read(db, async |tx| backups::punctuality(tx, at(now), GRACE).await).await
}

/// It fired, as the scheduler notes it.
async fn fired(db: &Database, due: i64) {
    write(db, async |tx| {
        tx.query(
            "INSERT INTO schedule_runs (id, schedule_id, due_at, fired_by, requested_by, missed, status, total, created_at,
                 updated_at)
             VALUES ($1, $2, $3, 'time', 'scheduler', 0, 'done', 0, $3, $3)",
        )
        .bind(Ids.next::<chiliview_store::RunId>())
        .bind(EVERY_NIGHT.to_owned())
        .bind(at(due))
        .execute()
        .await
    })
    .await;
}

async fn set_next(db: &Database, next: Option<Timestamp>) {
    let sql = "UPDATE schedules SET next_at = $2 WHERE id = $1";
    write(db, async |tx| tx.query(sql).bind(EVERY_NIGHT.to_owned()).bind(next).execute().await).await;
}

async fn backed_up(db: &Database, tenant: Option<TenantId>, when: i64) {
    let tenant = tenant.map(|id| (id, "acme".to_owned()));
    let id = Ids.next();
    let new =
        New { id, tenant, origin: Origin::Schedule, run: None, requested_by: "x".into(), trace_id: None, at: at(when) };
    let proof = Verified {
        manifest: "{}".into(),
        stored_sha256: "cd".repeat(32),
        stored_bytes: 1,
        plain_bytes: 1,
        encrypted: false,
        depth: ProofDepth::Quick,
    };
    write(db, async |tx| {
        backups::insert(tx, &new).await?;
        let attempt = backups::start(tx, id, at(when)).await?.unwrap();
        backups::verified(tx, id, attempt, &proof, at(when)).await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_is_late_when_a_database_of_its_scope_was_not_safe_since_it_was_due() {
    on_every_engine(async |store| {
        let db = store.central();
        let (old, young) = (tenant("old", "Old"), tenant("young", "Young"));
        let young = tenants::Tenant { created_at: at(2000), ..young };
        write(db, async |tx| tenants::insert(tx, &old).await).await;
        write(db, async |tx| tenants::insert(tx, &young).await).await;
        assert_eq!(punctuality(db, 10_000).await, Punctuality { schedules: 1, late: vec![] }, "it was never due");

        fired(db, 1000).await;
        assert!(punctuality(db, 1000 + JITTER + 99).await.late.is_empty(), "there is still time");
        let now = 1000 + JITTER + 100;
        let late = punctuality(db, now).await.late;
        assert_eq!((late.len(), late[0].databases, late[0].due_at, late[0].safe_at), (1, 2, at(1000), None));
        assert_eq!(late[0].name, "Every night");

        backed_up(db, None, 1500).await;
        backed_up(db, Some(old.id), 900).await;
        let late = punctuality(db, now).await.late;
        assert_eq!((late[0].databases, late[0].safe_at), (1, Some(at(900))), "the one of before does not count");
        backed_up(db, Some(old.id), 1600).await;
        assert!(punctuality(db, now).await.late.is_empty(), "nobody owes the young tenant anything yet");

        fired(db, 90_000).await;
        assert!(punctuality(db, 90_050).await.late.is_empty(), "the last one that is owed counts");
        assert_eq!(punctuality(db, 95_000).await.late[0].databases, 3);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_that_should_have_fired_and_did_not_is_late_and_a_paused_one_never_is() {
    on_every_engine(async |store| {
        let db = store.central();
        backed_up(db, None, 500).await;
        set_next(db, Some(at(1000))).await;
        assert!(punctuality(db, 1000 + JITTER).await.late.is_empty());
        assert_eq!(punctuality(db, 1000 + JITTER + 100).await.late[0].due_at, at(1000));
        backed_up(db, None, 1001).await;
        assert!(punctuality(db, 90_000).await.late.is_empty());
        set_next(db, Some(at(2000))).await;
        assert_eq!(punctuality(db, 90_000).await.late.len(), 1);
        write(db, async |tx| tx.query("UPDATE schedules SET paused_at = 1").execute().await).await;
        assert_eq!(punctuality(db, 90_000).await, Punctuality::default());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_for_a_tag_owes_nothing_to_others() {
    on_every_engine(async |store| {
        let db = store.central();
        let mut gold = tenant("gold", "Gold");
        gold.tags.0 = vec!["gold".into()];
        for row in [gold.clone(), tenant("plain", "Plain")] {
            write(db, async |tx| tenants::insert(tx, &row).await).await;
        }
        let tagged = "UPDATE schedules SET scope = 'tag', tag = 'gold' WHERE action = 'back_up'";
        write(db, async |tx| tx.query(tagged).execute().await).await;
        fired(db, 1000).await;
        assert_eq!(punctuality(db, 9000).await.late[0].databases, 1);
        backed_up(db, Some(gold.id), 1000).await;
        assert!(punctuality(db, 9000).await.late.is_empty());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn how_the_backup_before_ended_is_known() {
    on_every_engine(async |store| {
        let db = store.central();
        let before = async || {
            let newest = read(db, async |tx| backups::newest_verified(tx, None).await).await.unwrap();
            read(db, async |tx| backups::ended_before(tx, &newest).await).await
        };
        backed_up(db, None, 10).await;
        assert_eq!(before().await, None);
        let (id, sql) = (Ids.next(), "UPDATE backups SET status = 'failed', finished_at = $2 WHERE id = $1");
        let (origin, requested_by) = (Origin::Request, "x".into());
        let new = New { id, tenant: None, origin, run: None, requested_by, trace_id: None, at: at(11) };
        write(db, async |tx| backups::insert(tx, &new).await).await;
        write(db, async |tx| tx.query(sql).bind(id).bind(at(12)).execute().await).await;
        backed_up(db, None, 13).await;
        assert_eq!(before().await, Some(BackupStatus::Failed));
        backed_up(db, None, 14).await;
        assert_eq!(before().await, Some(BackupStatus::Verified));
    })
    .await;
}
