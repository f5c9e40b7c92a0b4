//! Nobody can log in any more.

use chiliview_doctor::Status;
use chiliview_store::{Error, admins};
use secrecy::ExposeSecret as _;

use crate::installation::{Installation, assert_calm, only};

async fn disable_everybody(installation: &Installation) {
    let store = installation.store().await;
    let disabled = store.central().write(async |tx| {
        let mut admin = admins::find_by_username(tx, "root").await?.unwrap();
        admin.username = "admin".to_owned();
        admin.disabled_at = Some(admin.created_at);
        admins::update(tx, &admin).await
    });
    disabled.await.unwrap();
    store.close().await;
}

#[tokio::test]
async fn without_an_owner_a_new_one_is_made_and_his_password_told_once() {
    let installation = Installation::new().await;
    disable_everybody(&installation).await;
    let report = installation.look().await;
    assert_eq!(only(&report).name, "admin");
    assert!(report.new_admin.is_none());
    let report = installation.repair().await;
    assert_eq!(only(&report).status, Status::Repaired);
    let admin = report.new_admin.as_ref().unwrap();
    assert_eq!((admin.username.as_str(), admin.password.expose_secret()), ("admin-2", "correct-horse"));
    assert!(!serde_json::to_string(&report).unwrap().contains("correct-horse"));
    assert_calm(&installation.look().await);
    assert!(installation.repair().await.new_admin.is_none());
    let store = installation.store().await;
    let owners = store.central().read(async |tx| admins::count_active_owners(tx).await).await;
    assert_eq!(owners.map_err(|error: Error| error.to_string()), Ok(1));
    store.close().await;
}
