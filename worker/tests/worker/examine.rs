//! The doctor's rounds as jobs, beside everything else that goes on.

use std::{fs, os::unix::fs::PermissionsExt as _};

use chiliview_store::{
    DoctorRunId, Ids, Settings,
    admins::{self, Admin, AdminRole},
    doctor_runs::{self, DoctorOutcome, DoctorRun, DoctorStatus, New},
    queue::{self, NewJob, Work},
};
use chiliview_worker::Installation;
use serde_json::Value;

use crate::{
    shop::{self, Shop},
    workshop::calm,
};

/// A shop that knows where it is.
async fn on_every_engine(story: impl AsyncFn(Shop)) {
    shop::on_every_engine(async |mut shop: Shop| {
        let shelf = shop.directory().join("shelf");
        let settings = Settings { data_dir: shop.directory().join("data"), ..shop.settings.clone() };
        fs::set_permissions(&shelf, fs::Permissions::from_mode(0o700)).unwrap();
        shop.context.config.installation = Some(Installation { settings, shelf: shelf.into() });
        story(shop).await;
    })
    .await;
}

/// Without one, the doctor finds something.
async fn add_owner(shop: &Shop) {
    let at = shop.context.store.clock().now();
    let owner = Admin {
        id: Ids.next(),
        username: "root".into(),
        email: None,
        display_name: "root".into(),
        role: AdminRole::Owner,
        password_hash: "$argon2id$".into(),
        credential_version: 1,
        disabled_at: None,
        last_login_at: None,
        version: 1,
        created_at: at,
        updated_at: at,
    };
    shop.write(async |tx| admins::insert(tx, &owner).await).await;
}

/// Asks, and waits until the round is over.
async fn round(shop: &Shop, repair: bool) -> DoctorRun {
    let (id, at): (DoctorRunId, _) = (Ids.next(), shop.context.store.clock().now());
    let new = New { id, repair, requested_by: "test".into(), trace_id: None, at };
    let job = NewJob { max_attempts: 1, ..NewJob::new(Ids.next(), Work::Examine { run: id }) };
    shop.write(async |tx| {
        doctor_runs::insert(tx, &new).await?;
        queue::enqueue(tx, &job).await
    })
    .await;
    let worker = shop.start(calm());
    shop.idle().await;
    worker.stop().await;
    shop.central().read(async |tx| doctor_runs::find(tx, id).await).await.unwrap().unwrap()
}

fn line<'r>(run: &'r DoctorRun, name: &str, status: &str) -> Option<&'r Value> {
    run.checks.0.iter().find(|line| line["name"] == name && line["status"] == status)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_round_looks_at_everything_changes_nothing_and_a_repair_mends_what_it_may() {
    on_every_engine(async |shop: Shop| {
        add_owner(&shop).await;
        let (tenant, _) = shop.tenant().await;
        shop.backed_up(Some(tenant)).await;
        let well = round(&shop, false).await;
        assert_eq!((well.status, well.outcome), (DoctorStatus::Done, Some(DoctorOutcome::Ok)), "{:#?}", well.checks);
        assert!(line(&well, "tenant_database", "ok").is_some() && line(&well, "self_test", "ok").is_some());

        let logs = shop.directory().join("data/logs");
        fs::set_permissions(&logs, fs::Permissions::from_mode(0o755)).unwrap();
        // A database without its tenant.
        shop.context.store.create_tenant_database(Ids.next()).await.unwrap();
        let mode = || fs::metadata(&logs).unwrap().permissions().mode() & 0o777;
        let seen = round(&shop, false).await;
        assert_eq!((seen.outcome, mode()), (Some(DoctorOutcome::Problems), 0o755));
        assert!(line(&seen, "directories", "problem").is_some() && line(&seen, "orphan", "problem").is_some());

        let mended = round(&shop, true).await;
        assert!(line(&mended, "directories", "repaired").is_some(), "{:#?}", mended.checks);
        assert_eq!(mode(), 0o700);
        // The databases are open all the while, and serve on.
        shop.backed_up(Some(tenant)).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_round_that_cannot_be_made_ends_with_the_reason() {
    shop::on_every_engine(async |shop: Shop| {
        let run = round(&shop, false).await;
        assert_eq!(run.status, DoctorStatus::Failed);
        assert!(run.error.as_deref().is_some_and(|reason| reason.contains("not told where")), "{:?}", run.error);
    })
    .await;
}
