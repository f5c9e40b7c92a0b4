//! The settings in force, and what runs here.

use chiliview_store::admins::AdminRole;
use serde_json::json;

use crate::support::on_every_engine;

#[tokio::test]
async fn admins_read_what_runs_here() {
    on_every_engine(async |app| {
        let auditor = app.admin(AdminRole::Auditor).await;
        let about = app.get(&auditor, "/about").await.expect(200).json();
        let engine = app.app.store().engine().as_str();
        assert_eq!((&about["engine"], &about["version"]), (&json!(engine), &json!(env!("CARGO_PKG_VERSION"))));
        let version = |name: &str| about[name].as_str().unwrap().split('.').next().unwrap().parse::<u32>().unwrap();
        assert_eq!(version("sqlite_version"), 3);
        assert_eq!(version("engine_version") == 3, engine == "sqlite", "{about}");
        app.get(&auditor, "/settings").await.expect(200);
    })
    .await;
}
