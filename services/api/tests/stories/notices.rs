//! Notices over HTTP: who sees which of them.

use chiliview_notify::{Fact, Kind, Notice};
use chiliview_store::{
    NoticeId, TenantId,
    admins::AdminRole,
    json_text::JsonText,
    notices::{self, Severity},
    users::UserRole,
};
use serde_json::json;

use crate::support::{TestApp, on_every_engine};

/// Raises one as the worker does; its id.
async fn raised(app: &TestApp, kind: Kind, severity: Severity, tenant: Option<&str>) -> String {
    let (ids, now) = (app.app.store().ids(), app.clock.now());
    let notice = Notice::new(kind, now.to_datetime()).fact(Fact::Phase, "copying").cause("no room");
    let id: NoticeId = ids.next();
    let row = notices::Notice {
        id,
        kind: kind.name().into(),
        severity,
        tenant_id: tenant.map(|id| id.parse::<TenantId>().unwrap()),
        subject: "backup:1".into(),
        detail: JsonText(serde_json::to_value(&notice).unwrap()),
        trace_id: None,
        at: now,
    };
    app.app.central().write(async |tx| notices::raise(tx, ids, &row).await).await.unwrap();
    id.to_string()
}

#[tokio::test]
async fn admins_see_all_notices_and_managers_their_own_tenants() {
    on_every_engine(async |app| {
        let (owner, auditor) = (app.admin(AdminRole::Owner).await, app.admin(AdminRole::Auditor).await);
        let (ours, theirs) = (app.tenant(&owner, "ours").await, app.tenant(&owner, "theirs").await);
        let manager = app.user(&ours, UserRole::Manager).await;
        let first = raised(app, Kind::BackupFailed, Severity::Critical, Some(&ours)).await;
        let second = raised(app, Kind::BackupFailed, Severity::Critical, Some(&theirs)).await;
        let third = raised(app, Kind::DiskLow, Severity::Warning, None).await;
        let seen = async |who, query: &str| app.get(who, &format!("/notices{query}")).await.expect(200).column("id");
        let same = |ids: Vec<String>, expected: &[&String]| assert_eq!(ids.iter().collect::<Vec<_>>(), expected);

        same(seen(&auditor, "").await, &[&third, &second, &first]);
        same(seen(&auditor, "?order=asc").await, &[&first, &second, &third]);
        same(seen(&auditor, "?kind=disk_low").await, &[&third]);
        same(seen(&auditor, "?severity=critical&tenant=theirs").await, &[&second]);
        same(seen(&manager, "").await, &[&first]);
        same(seen(&manager, "?kind=disk_low").await, &[]);
        same(seen(&manager, &format!("?tenant={ours}")).await, &[&first]);
        app.get(&manager, "/notices?tenant=theirs").await.expect_problem(404, "not_found");
        app.get(&auditor, "/notices?kind=nonsense").await.expect_problem(400, "invalid_parameter");
        app.get(&auditor, "/notices?severity=nonsense").await.expect_problem(400, "invalid_parameter");

        let page = app.get(&auditor, "/notices?limit=2").await.expect(200);
        same(page.column("id"), &[&third, &second]);
        same(seen(&auditor, &format!("?limit=2&after={}", page.field("next"))).await, &[&first]);
        let shown = &page.json()["items"][0];
        assert_eq!((&shown["facts"], &shown["cause"]), (&json!({ "phase": "copying" }), &json!("no room")));
        assert_eq!((&shown["severity"], shown.get("tenant_id")), (&json!("warning"), None));
    })
    .await;
}
