//! Files that are uploaded where processes share nothing but the database and the shelf: begun at one service, gone on with at
//! another, taken in by a worker elsewhere. What was acknowledged is never sent again.

use std::fs;

use chiliview_store::Settings;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use crate::bucket::{
    on,
    server::{Fault, Server as Store},
};
use crate::engines::on_every_settings;
use crate::support::{Answer, Client, Home, sha256, until};

async fn send(at: &Client, upload: &str, offset: usize, bytes: &[u8]) -> Answer {
    let request = at.request(Method::PATCH, &format!("/api/uploads/{upload}"));
    let request = request.header("Upload-Offset", offset.to_string());
    Answer::to(request.header("Content-Type", "application/octet-stream").body(bytes.to_vec())).await
}

async fn offset(at: &Client, upload: &str) -> usize {
    let upload = at.get(&format!("/api/uploads/{upload}")).await.expect(200);
    usize::try_from(upload["offset"].as_u64().unwrap()).unwrap()
}

/// A piece that is under way, and comes no further than `sent`.
async fn half_sent(at: &Client, upload: &str, offset: usize, length: usize, sent: &[u8]) -> TcpStream {
    let address = at.address("").replace("http://", "");
    let mut connection = TcpStream::connect(&address).await.unwrap();
    let head = format!(
        "PATCH /api/uploads/{upload} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {}\r\nUpload-Offset: {offset}\r\n\
         Content-Length: {length}\r\n\r\n",
        at.token
    );
    connection.write_all(head.as_bytes()).await.unwrap();
    connection.write_all(sent).await.unwrap();
    connection
}

/// A tenant with a user, and a snapshot of it as somebody has it on his disk.
async fn downloaded(admin: &Client) -> Vec<u8> {
    admin.post("/api/tenants", json!({"slug": "acme", "name": "Acme"})).await.expect(201);
    let user = json!({"username": "zoe", "email": "zoe@acme.example"});
    admin.post("/api/tenants/acme/users", user).await.expect(201);
    let asked = admin.post("/api/backups", json!({"scope": "tenant", "tenant": "acme"})).await.expect(202);
    let backup = admin.backup_ended(asked["id"].as_str().unwrap()).await;
    let content = admin.request(Method::GET, &format!("/api/backups/{}/content", backup["id"].as_str().unwrap()));
    content.send().await.unwrap().bytes().await.unwrap().to_vec()
}

async fn restored(home: &Home, admin: &Client, backup: &Value) {
    let zoe = &admin.all("/api/tenants/acme/users").await[0];
    admin.delete(&format!("/api/tenants/acme/users/{}", zoe["id"].as_str().unwrap())).await.expect(204);
    let wish = json!({"into": "same", "slug": "acme", "password": home.password()});
    let asked = admin.post(&format!("/api/backups/{}/restore", backup["id"].as_str().unwrap()), wish).await.expect(202);
    let restore = admin.restore_ended(asked["id"].as_str().unwrap()).await;
    assert_eq!(restore["status"], "done", "{restore}");
    let users = admin.all("/api/tenants/acme/users").await;
    assert!(users.iter().any(|user| user["username"] == "zoe"), "{users:?}");
}

// The server must answer while the test waits for a command.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_is_begun_at_one_service_finished_at_another_and_taken_in_by_a_worker_elsewhere() {
    on_every_settings(async |settings: Settings| {
        // Processes on several machines have a server for their databases.
        if settings.database_url.is_none() {
            return;
        }
        let directory = tempfile::tempdir().unwrap();
        let store = Store::start(directory.path().to_owned()).await;
        let home = || on(Home::on(&settings), &store);
        let homes = [home(), home(), home()];
        let first = homes[0].serve_as("first", &["--no-worker"]).await;
        let second = homes[1].serve_as("second", &["--no-worker"]).await;
        let worker = homes[2].work_as("worker").await;
        let here = homes[0].admin(&first).await;
        let there = here.at(&second);

        let file = downloaded(&here).await;
        let (third, two) = (file.len() / 3, file.len() / 3 * 2);
        let wish = json!({"tenant": "acme", "bytes": file.len(), "sha256": sha256(&file)});
        let upload = here.post("/api/uploads", wish).await.expect(201)["id"].as_str().unwrap().to_owned();
        send(&here, &upload, 0, &file[..third]).await.expect(200);
        assert_eq!(offset(&there, &upload).await, third);
        send(&there, &upload, third, &file[third..two]).await.expect(200);
        assert_eq!(homes[2].doctor(&[]).0, 0, "{:#}", homes[2].doctor(&[]).1);

        let under_way = half_sent(&here, &upload, two, file.len() - two, &file[two..file.len() - 10]).await;
        first.kill();
        drop(under_way);
        assert_eq!(offset(&there, &upload).await, two, "what was acknowledged is there, and nothing else");

        store.trap("PUT", "/uploads/", Fault::Status(503, "SlowDown"), 20);
        let refused = send(&there, &upload, two, &file[two..]).await.expect(503);
        assert_eq!(refused["code"], "shelf_unavailable", "{refused}");
        store.sprung();
        assert_eq!(offset(&there, &upload).await, two);
        store.trap("PUT", "/uploads/", Fault::Lose, 1);
        send(&there, &upload, two, &file[two..]).await.expect(200);
        assert!(store.sprung());

        store.trap("GET", "/uploads/", Fault::Status(503, "SlowDown"), 20);
        let finished = there.post(&format!("/api/uploads/{upload}/finish"), json!({})).await.expect(202);
        let backup = there.backup_ended(finished["id"].as_str().unwrap()).await;
        assert_eq!((&backup["status"], &backup["origin"]), (&json!("verified"), &json!("import")), "{backup}");
        store.sprung();
        restored(&homes[1], &there, &backup).await;

        assert!(second.stop().await.success() && worker.stop().await.success());
        for home in &homes {
            assert!(!home.path("data/uploads").exists());
        }
        // The next worker that starts finds it over.
        let worker = homes[2].work_as("worker").await;
        let pieces = store.objects().join("uploads").join(&upload);
        let gone = async || fs::read_dir(&pieces).map_or(true, |mut left| left.next().is_none()).then_some(());
        until("the pieces to be removed", gone).await;
        assert!(worker.stop().await.success());
        assert_eq!(homes[2].doctor(&[]).0, 0, "{:#}", homes[2].doctor(&[]).1);
    })
    .await;
}
