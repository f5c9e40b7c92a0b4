//! The API under requests that nobody thought of: schemathesis makes them from the contract, right ones and wrong ones, and
//! looks whether each answer is what the contract says. And again as somebody of another tenant, who may learn nothing.

use std::{
    fmt::Write as _,
    fs,
    path::PathBuf,
    process::{Command, Output},
};

use serde_json::{Value, json};

use crate::support::{Client, Home, project, python_environment};

const PASSWORD: &str = "a long and rare sentence";
/// What ends the session that the requests are made in, or never ends itself.
const LEFT_OUT: [&str; 5] = ["follow_events", "logout", "change_password", "end_session", "delete_admin"];
/// All of schemathesis' checks but two: what a request must be beside its schema (a cursor that was handed out, a slug that
/// nobody has, fields that go together) no schema can say, so that one which fits its schema may still be refused; and `null`
/// is taken for a field that is absent, which the schema does not say.
const NOT: &str = "positive_data_acceptance,negative_data_rejection";
/// What is in the other tenant's data and in no answer.
const CANARIES: &str = "eve@canary.example\nCanary GmbH";

#[tokio::test]
async fn whatever_is_sent_is_answered_as_the_contract_says() {
    let Some(schemathesis) = installed() else { return };
    let home = Home::new();
    let server = home.serve().await;
    let admin = home.admin(&server).await;
    tenant(&admin, "acme", "Acme").await;
    let mut command = fuzz(&schemathesis, &home, &admin, "");
    command.args(["--checks", "all", "--exclude-checks", NOT, "--max-time", "60"]);
    assert_passed(&command.output().unwrap());
    admin.get("/api/tenants").await.expect(200);
    assert!(server.stop().await.success());
}

#[tokio::test]
async fn who_is_of_another_tenant_gets_404_for_every_id() {
    let Some(schemathesis) = installed() else { return };
    let home = Home::new().with("CHILIVIEW_TENANT_REQUESTS_PER_MINUTE", "0");
    let server = home.serve().await;
    let admin = home.admin(&server).await;
    let ids = tenant(&admin, "canary", "Canary GmbH").await;
    tenant(&admin, "other", "Other").await;
    let login = json!({"username": "eve", "password": PASSWORD, "tenant": "other"});
    let token = id(&admin.post("/api/auth/login", login).await.expect(200), "token");
    let mut foreign = admin.clone();
    foreign.token = token;
    let mut parameters = "[parameters]\n".to_owned();
    for (name, id) in &ids {
        writeln!(parameters, "\"path.{name}\" = \"{id}\"").unwrap();
    }
    let mut command = fuzz(&schemathesis, &home, &foreign, &parameters);
    command.env("SCHEMATHESIS_HOOKS", "only_404").env("SECRETS", CANARIES);
    command.args(["--checks", "only_404,not_a_server_error", "--mode", "positive", "--max-time", "40"]);
    let names: Vec<_> = ids.iter().map(|(name, _)| *name).collect();
    command.args(["--include-path-regex", &format!(r"\{{({})\}}", names.join("|"))]);
    let output = command.output().unwrap();
    assert_passed(&output);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(!said.contains("No operations"), "it asked for nothing: {said}");
    for (name, id) in ids.iter().filter(|(name, _)| *name == "backup" || *name == "schedule") {
        admin.get(&format!("/api/{name}s/{id}")).await.expect(200);
    }
    assert!(server.stop().await.success());
}

/// A tenant with a manager, a backup, a schedule, an upload; their ids by the names of path parameters.
async fn tenant(admin: &Client, slug: &str, name: &str) -> Vec<(&'static str, String)> {
    let tenant = admin.post("/api/tenants", json!({"slug": slug, "name": name})).await.expect(201);
    let email = format!("eve@{slug}.example");
    let eve = json!({"username": "eve", "email": email, "password": PASSWORD, "role": "manager"});
    let user = admin.post(&format!("/api/tenants/{slug}/users"), eve).await.expect(201);
    let backup = admin.post("/api/backups", json!({"scope": "tenant", "tenant": slug})).await.expect(202);
    let backup = admin.backup_ended(&id(&backup, "id")).await;
    assert_eq!(backup["status"], "verified");
    let nightly = json!({"name": format!("Nightly {slug}"), "scope": "tenant", "tenant": slug, "cron": "0 2 * * *"});
    let schedule = admin.post("/api/schedules", nightly).await.expect(201);
    let upload = admin.post("/api/uploads", json!({"tenant": slug, "bytes": 3})).await.expect(201);
    let rows = [("tenant", tenant), ("user", user), ("backup", backup), ("schedule", schedule), ("upload", upload)];
    rows.into_iter().map(|(name, row)| (name, id(&row, "id"))).collect()
}

#[track_caller]
fn id(row: &Value, field: &str) -> String {
    row[field].as_str().unwrap_or_else(|| panic!("no {field} in {row}")).to_owned()
}

/// Bounded in every way: examples, time, a request's time.
fn fuzz(schemathesis: &PathBuf, home: &Home, caller: &Client, config: &str) -> Command {
    let settings = home.path("schemathesis.toml");
    fs::write(&settings, config).unwrap();
    let mut command = Command::new(schemathesis);
    command.env("PYTHONPATH", project().join("tests/fuzz")).env("SCHEMATHESIS_HOOKS", "framing");
    command.arg("--config-file").arg(settings).arg("run").arg(caller.address("/api/openapi.json"));
    command.args(["--header", &format!("Authorization: Bearer {}", caller.token)]).current_dir(home.path(""));
    command.args(["--phases", "examples,coverage,fuzzing", "--max-examples", "5", "--request-timeout", "20"]);
    command.args(["--no-shrink", "--continue-on-failure", "--suppress-health-check", "all", "--no-color"]);
    command.args(["--generation-database", "none", "--seed", "20261127"]);
    for operation in LEFT_OUT {
        command.args(["--exclude-operation-id", operation]);
    }
    command
}

/// Its report is what somebody needs who has to mend it.
#[track_caller]
fn assert_passed(output: &Output) {
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}\n{err}");
}

fn installed() -> Option<PathBuf> {
    Some(python_environment("schemathesis", "tests/fuzz/requirements.txt")?.join("schemathesis"))
}
