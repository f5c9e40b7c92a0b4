//! No secret is ever written down where it does not belong: after a walk past everything that holds one, with logs at their
//! most talkative and every span at a collector, none of them is in what was logged, traced or recorded.

use std::{fs, path::Path};

use serde_json::{Value, json};

use crate::{
    support::{Client, Home, until},
    trace::collector::Collector,
};

const PASSWORD: &str = "canary of the owner, long and rare";
const METRICS: &str = "canary-of-the-metrics";
const SMTP: &str = "canary-of-the-mail-server";
const MISTYPED: &str = "canary that somebody mistyped";
const OF_A_USER: &str = "canary of a user, long and rare";
const CHANGED: &str = "canary of the owner, longer and rarer";
const HOOK: &str = "canary-in-the-path-of-a-hook";
const PING: &str = "canary-in-the-path-of-a-ping";

#[tokio::test]
async fn no_secret_is_in_the_logs_the_traces_or_the_audit_log() {
    let Some(collector) = Collector::start().await else { return };
    let home = Home::new()
        .with_password(PASSWORD)
        .with("CHILIVIEW_OTLP_ENDPOINT", collector.endpoint())
        .with("CHILIVIEW_LOG_FILTER", "debug")
        .with("CHILIVIEW_METRICS_TOKEN", METRICS)
        .with("CHILIVIEW_SMTP_URL", format!("smtp://chili:{SMTP}@127.0.0.1:9?tls=none"))
        .with("CHILIVIEW_SMTP_FROM", "chili@hosting.example");
    let server = home.serve().await;
    let admin = home.admin(&server).await;
    let mut secrets: Vec<String> =
        [PASSWORD, METRICS, SMTP, MISTYPED, OF_A_USER, CHANGED, HOOK, PING].map(str::to_owned).into();
    secrets.push(admin.token.clone());

    people(&admin, &mut secrets).await;
    channels(&admin, &mut secrets).await;
    let backup = backups(&home, &admin, &mut secrets).await;
    let scraped = admin.request(reqwest::Method::GET, "/metrics").header("Authorization", format!("Bearer {METRICS}"));
    assert!(scraped.send().await.unwrap().status().as_u16() < 500);
    let change = json!({"current": PASSWORD, "new": CHANGED});
    admin.post("/api/auth/password", change).await.expect(204);

    let audit = String::from_utf8(admin.get("/api/audit?limit=200").await.body).unwrap();
    let settings = home.chiliview(&["settings", "--json"]).stdout;
    assert!(server.stop().await.success());
    let traces = collector.end().await;
    let written =
        [written_below(&home.path("data/logs")), read(&home.path("serve.stdout")), read(&home.path("serve.stderr"))]
            .concat();

    // The look is not blind: what may be written is there.
    assert!(written.contains(&backup) && written.contains("POST"), "the logs tell of what was done");
    assert!(traces.contains("POST /api/auth/login") && traces.contains("job back_up"), "so do the traces");
    assert!(audit.contains("channel.create") && audit.contains(&backup));
    let settings = String::from_utf8(settings).unwrap();
    assert!(settings.contains("smtp_from"));
    for secret in &secrets {
        for (place, text) in [("logs", &written), ("traces", &traces), ("audit log", &audit), ("settings", &settings)] {
            assert!(!text.contains(secret.as_str()), "the {place} hold {secret}");
        }
    }
}

async fn people(admin: &Client, secrets: &mut Vec<String>) {
    admin.post("/api/tenants", json!({"slug": "acme", "name": "Acme"})).await.expect(201);
    let user = json!({"username": "eve", "email": "eve@acme.example", "password": OF_A_USER, "role": "manager"});
    admin.post("/api/tenants/acme/users", user).await.expect(201);
    for body in [
        json!({"username": "admin", "password": MISTYPED}),
        json!({"username": "nobody", "password": MISTYPED, "tenant": "acme"}),
        json!({"username": "eve", "password": OF_A_USER, "tenant": "acme", "unknown": MISTYPED}),
    ] {
        let refused = admin.post("/api/auth/login", body).await;
        assert!([401, 422].contains(&refused.status), "{}", refused.status);
    }
    let login = json!({"username": "eve", "password": OF_A_USER, "tenant": "acme"});
    let session = admin.post("/api/auth/login", login).await.expect(200);
    secrets.push(text(&session, "token"));
}

/// A hook and a mail server that nobody listens at: what failed is logged most.
async fn channels(admin: &Client, secrets: &mut Vec<String>) {
    let hook = json!({"name": "Hook", "kind": "webhook", "target": format!("https://hooks.invalid/{HOOK}?key={HOOK}")});
    let hook = admin.post("/api/channels", hook).await.expect(201);
    secrets.push(text(&hook, "secret"));
    let path = format!("/api/channels/{}", text(&hook, "id"));
    let rotated = admin.post(&format!("{path}/rotate-secret"), json!({})).await.expect(200);
    secrets.push(text(&rotated, "secret"));
    let mail = json!({"name": "Mail", "kind": "email", "target": "ops@example.com"});
    let mail = admin.post("/api/channels", mail).await.expect(201);
    let ping = json!({"name": "Ping", "kind": "ping", "target": format!("https://hc.invalid/{PING}")});
    let ping = admin.post("/api/channels", ping).await.expect(201);
    for channel in [&hook, &mail, &ping] {
        let tried = format!("/api/channels/{}/test", text(channel, "id"));
        let delivery = admin.post(&tried, json!({})).await.expect(202);
        let path = format!("/api/deliveries/{}", text(&delivery, "id"));
        until("the delivery to be tried", async || {
            let delivery = admin.get(&path).await.expect(200);
            (delivery["attempts"].as_i64()? > 0).then_some(())
        })
        .await;
    }
}

async fn backups(home: &Home, admin: &Client, secrets: &mut Vec<String>) -> String {
    let queued = admin.post("/api/backups", json!({"scope": "tenant", "tenant": "acme"})).await.expect(202);
    let id = text(&queued, "id");
    assert_eq!(admin.backup_ended(&id).await["status"], "verified");
    let one = admin.post(&format!("/api/backups/{id}/download-link"), json!({})).await.expect(201);
    let several = admin.post("/api/backup-archive/download-link", json!({"backups": [id]})).await.expect(201);
    for link in [one, several] {
        let url = text(&link, "url");
        assert_eq!(admin.get(&url).await.status, 200);
        assert_eq!(admin.get(&format!("{url}x")).await.status, 410);
        let (_, token) = url.rsplit_once('/').unwrap();
        secrets.push(token.to_owned());
    }
    let ask = format!("/api/backups/{id}/restore");
    let wish = |password: &str| json!({"into": "same", "slug": "acme", "password": password});
    admin.post(&ask, wish(MISTYPED)).await.expect(403);
    let restore = admin.post(&ask, wish(home.password())).await.expect(202);
    assert_eq!(admin.restore_ended(&text(&restore, "id")).await["status"], "done");
    id
}

#[track_caller]
fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or_else(|| panic!("no {field} in {value}")).to_owned()
}

fn read(path: &Path) -> String {
    String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned()
}

fn written_below(directory: &Path) -> String {
    let files = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    files.map(|file| read(&file)).collect()
}
