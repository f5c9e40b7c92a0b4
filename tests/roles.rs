//! The service with the role that docs/OPERATIONS.md has operators make: it can do all its work, and nothing else.

use std::{fs, str::FromStr};

use secrecy::ExposeSecret;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection as _, Executor, PgConnection, postgres::PgConnectOptions};

use crate::{
    engines::on_postgres,
    support::{Client, Home, PASSWORD, project},
};

/// The statements of the page's `sql` block that makes the role, for a role and a database of this name.
fn statements(name: &str) -> Vec<String> {
    let page = fs::read_to_string(project().join("docs/OPERATIONS.md")).unwrap();
    let blocks = page.split("```sql\n").skip(1).filter_map(|rest| rest.split_once("```"));
    let (block, _) = blocks.into_iter().find(|(block, _)| block.contains("CREATE ROLE")).expect("the page has it");
    let statements = block.split(';').map(str::trim).filter(|statement| !statement.is_empty());
    statements.map(|statement| statement.replace("chiliview", name)).collect()
}

async fn restored(admin: &Client, backup: &str) -> Value {
    let ask = json!({"into": "same", "slug": "acme", "password": PASSWORD});
    let restore = admin.post(&format!("/api/backups/{backup}/restore"), ask).await.expect(202);
    admin.restore_ended(restore["id"].as_str().unwrap()).await
}

/// A tenant from its making to the trash, with a backup that is restored meanwhile.
async fn work(home: &Home) {
    let server = home.serve().await;
    let admin = home.admin(&server).await;
    admin.post("/api/tenants", json!({"slug": "acme", "name": "Acme"})).await.expect(201);
    let ann = json!({"username": "ann", "email": "ann@acme.example"});
    admin.post("/api/tenants/acme/users", ann).await.expect(201);
    let queued = admin.post("/api/backups", json!({"scope": "all"})).await.expect(202);
    for queued in queued["items"].as_array().unwrap() {
        let ended = admin.backup_ended(queued["id"].as_str().unwrap()).await;
        assert_eq!(ended["status"], "verified", "{ended}");
    }
    let of_acme = admin.all("/api/backups").await.into_iter().find(|backup| !backup["tenant"].is_null()).unwrap();
    let restore = restored(&admin, of_acme["id"].as_str().unwrap()).await;
    assert_eq!(restore["status"], "done", "{restore}");
    assert_eq!(admin.all("/api/tenants/acme/users").await.len(), 1);
    admin.delete("/api/tenants/acme").await.expect(204);
    admin.post("/api/tenants/acme/undelete", json!({})).await.expect(200);
    let (code, report) = home.doctor(&[]);
    assert_eq!(code, 0, "{report}");
    assert!(server.stop().await.success());
}

#[tokio::test]
async fn the_role_of_the_operations_page_can_do_all_the_work_and_nothing_else() {
    on_postgres(async |settings| {
        let url = settings.database_url.as_ref().unwrap().expose_secret();
        let superuser = PgConnectOptions::from_str(url).unwrap();
        let mut server = PgConnection::connect_with(&superuser).await.unwrap();
        let name = format!("{}_role", superuser.get_database().unwrap());
        for statement in statements(&name) {
            server.execute(AssertSqlSafe(statement)).await.unwrap();
        }
        let role = superuser.username(&name).password("change me").database(&name);
        let url = format!("postgres://{name}:change%20me@{}:{}/{name}", role.get_host(), role.get_port());
        work(&Home::new().with_password(PASSWORD).with("CHILIVIEW_DATABASE_URL", url)).await;

        let mut connection = PgConnection::connect_with(&role).await.unwrap();
        let secrets = "SELECT * FROM pg_authid";
        for beyond in ["CREATE ROLE another", "CREATE DATABASE another", "COPY pg_class TO '/tmp/another'", secrets] {
            let error = connection.execute(beyond).await.unwrap_err().to_string();
            assert!(
                ["permission denied", "must be superuser"].iter().any(|words| error.contains(words)),
                "{beyond}: {error}"
            );
        }
        connection.close().await.unwrap();
        for statement in [format!("DROP DATABASE {name} WITH (FORCE)"), format!("DROP ROLE {name}")] {
            server.execute(AssertSqlSafe(statement)).await.unwrap();
        }
    })
    .await;
}
