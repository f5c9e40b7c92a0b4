//! One tenant goes from one platform to another on the other engine, and back, by nothing but a downloaded snapshot.

use chiliview_store::Settings;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    engines::on_postgres,
    support::{Answer, Client, Home, PASSWORD},
};

const USERS: &str = "/api/tenants/acme/users";

#[tokio::test(flavor = "multi_thread")]
async fn a_tenants_snapshot_restores_on_the_other_engine_and_back() {
    on_postgres(async |settings: Settings| {
        let (files, schemas) = (Home::new().with_password(PASSWORD), Home::on(&settings));
        let (on_files, on_schemas) = (files.serve().await, schemas.serve().await);
        let (here, there) = (files.admin(&on_files).await, schemas.admin(&on_schemas).await);
        for admin in [&here, &there] {
            admin.post("/api/tenants", json!({"slug": "acme", "name": "Acme"})).await.expect(201);
        }
        for name in ["zoë", "Ægir", "人"] {
            add(&here, name).await;
        }
        add(&there, "replaced").await;
        carried(&here, &there).await;
        add(&there, "since").await;
        carried(&there, &here).await;
        assert_eq!(here.all(USERS).await.len(), 4);
        for (home, server) in [(&files, on_files), (&schemas, on_schemas)] {
            assert!(server.stop().await.success());
            let (code, report) = home.doctor(&[]);
            assert_eq!(code, 0, "{report:#}");
        }
    })
    .await;
}

async fn add(admin: &Client, name: &str) {
    let count = admin.all(USERS).await.len();
    let email = format!("user-{count}-{}@example.com", name.len());
    let user = json!({
        "username": format!("user-{count}-{}", name.len()), "email": email, "display_name": name, "password": PASSWORD,
        "role": "manager",
    });
    admin.post(USERS, user).await.expect(201);
}

/// Backed up, downloaded, imported there, restored; everybody is there as he was, and logs in.
async fn carried(from: &Client, to: &Client) {
    let queued = from.post("/api/backups", json!({"scope": "tenant", "tenant": "acme"})).await.expect(202);
    let backup = verified(from, &queued).await;
    let file = from.get(&format!("/api/backups/{}/content", backup["id"].as_str().unwrap())).await.body;
    let request = to.request(Method::POST, "/api/backups/import?tenant=acme&adopt=true").body(file);
    let import = verified(to, &Answer::to(request).await.expect(202)).await;
    let ask = format!("/api/backups/{}/restore", import["id"].as_str().unwrap());
    let wish = json!({"into": "same", "slug": "acme", "password": PASSWORD});
    let restore = to.post(&ask, wish).await.expect(202);
    let restore = to.restore_ended(restore["id"].as_str().unwrap()).await;
    assert_eq!(restore["status"], "done", "{restore}");
    let users = from.all(USERS).await;
    assert_eq!(to.all(USERS).await, users);
    for user in &users {
        let login = json!({"username": user["username"], "password": PASSWORD, "tenant": "acme"});
        to.post("/api/auth/login", login).await.expect(200);
    }
}

async fn verified(admin: &Client, queued: &Value) -> Value {
    let backup = admin.backup_ended(queued["id"].as_str().unwrap()).await;
    assert_eq!(backup["status"], "verified", "{backup}");
    backup
}
