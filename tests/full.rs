//! A full disk: bulk ends before the disk does, what does not fit is refused as such, nothing acknowledged is lost, and once
//! there is room everything goes on without a restart.

#[path = "../crates/store/tests/support/small_disk.rs"]
#[expect(dead_code, reason = "the worker's tests use the rest")]
mod small_disk;

use reqwest::Method;
use serde_json::{Value, json};
use small_disk::SmallDisk;

use crate::support::{Answer, Client, Home, PASSWORD, until};

/// Everything lies on the small disk.
fn home(disk: &SmallDisk) -> Home {
    Home::new().with_password(PASSWORD).with("CHILIVIEW_DATA_DIR", disk.path().join("data").to_str().unwrap())
}

async fn add_user(admin: &Client, tenant: &str, name: &str) -> Answer {
    let user = json!({"username": name, "email": format!("{name}@example.org")});
    admin.post(&format!("/api/tenants/{tenant}/users"), user).await
}

async fn add_tenant(admin: &Client, slug: &str) {
    admin.post("/api/tenants", json!({"slug": slug, "name": slug})).await.expect(201);
}

async fn back_up(admin: &Client, tenant: &str) -> Value {
    let asked = admin.post("/api/backups", json!({"scope": "tenant", "tenant": tenant})).await.expect(202);
    admin.backup_ended(asked["id"].as_str().unwrap()).await
}

async fn begin(admin: &Client, tenant: &str, bytes: usize) -> Answer {
    admin.post("/api/uploads", json!({"tenant": tenant, "bytes": bytes})).await
}

async fn send(admin: &Client, upload: &str, bytes: usize) -> Answer {
    send_from(admin, upload, 0, bytes).await
}

async fn come_of(admin: &Client, upload: &str) -> usize {
    let upload = admin.get(&format!("/api/uploads/{upload}")).await.expect(200);
    usize::try_from(upload["offset"].as_u64().unwrap()).unwrap()
}

async fn send_from(admin: &Client, upload: &str, offset: usize, bytes: usize) -> Answer {
    let request = admin.request(Method::PATCH, &format!("/api/uploads/{upload}"));
    let request = request.header("Upload-Offset", offset.to_string());
    Answer::to(request.header("Content-Type", "application/octet-stream").body(vec![7; bytes])).await
}

#[tokio::test]
async fn uploads_that_fill_the_disk_leave_room_for_everybody_else() {
    let Some(disk) = SmallDisk::of(100) else { return };
    let home = home(&disk);
    let server = home.serve().await;
    let admin = home.admin(&server).await;
    for slug in ["greedy", "modest"] {
        add_tenant(&admin, slug).await;
    }

    // Each alone would fit.
    const BYTES: usize = 50 << 20;
    let mut uploads = Vec::new();
    for _ in 0..2 {
        uploads.push(begin(&admin, "greedy", BYTES).await.expect(201)["id"].as_str().unwrap().to_owned());
    }
    send(&admin, &uploads[0], BYTES).await.expect(200);
    let refused = send(&admin, &uploads[1], BYTES).await.expect(507);
    assert_eq!(refused["code"], "insufficient_storage");
    begin(&admin, "greedy", BYTES).await.expect(507);
    // Shorter and shorter ones take what is left.
    let mut come = come_of(&admin, &uploads[1]).await;
    assert!(come > 0, "what had come before is kept");
    for piece in (14..23).rev().map(|power| 1 << power) {
        while send_from(&admin, &uploads[1], come, piece).await.status == 200 {
            come += piece;
        }
    }

    for number in 0..20 {
        add_user(&admin, "modest", &format!("user-{number}")).await.expect(201);
    }
    home.admin(&server).await.get("/api/auth/session").await.expect(200);
    let asked = admin.post("/api/backups", json!({"scope": "tenant", "tenant": "modest"})).await.expect(202);
    let waiting = async || {
        let backup = admin.get(&format!("/api/backups/{}", asked["id"].as_str()?)).await.expect(200);
        (backup["cause"] == "no_space").then_some(())
    };
    until("the backup to say that there is no room", waiting).await;
    admin.delete(&format!("/api/uploads/{}", uploads[0])).await.expect(204);
    assert_eq!(come_of(&admin, &uploads[1]).await, come);
    let whole = send_from(&admin, &uploads[1], come, BYTES - come).await.expect(200);
    assert_eq!(whole["offset"], BYTES, "with room it goes on where it ended");
    admin.delete(&format!("/api/uploads/{}", uploads[1])).await.expect(204);
    assert_eq!(admin.backup_ended(asked["id"].as_str().unwrap()).await["status"], "verified", "at its next attempt");
    assert!(server.stop().await.success());
}

#[tokio::test]
async fn on_a_full_disk_each_request_says_so_and_with_room_all_goes_on() {
    let Some(disk) = SmallDisk::mount() else { return };
    let home = home(&disk);
    let server = home.serve().await;
    let admin = home.admin(&server).await;
    add_tenant(&admin, "acme").await;
    let mut kept = Vec::new();
    let filler = disk.fill();
    let mut refused = 0;
    for number in 0..40 {
        let name = format!("user-{number}");
        let answer = add_user(&admin, "acme", &name).await;
        match answer.status {
            201 => kept.push(name),
            _ => {
                assert_eq!(answer.expect(507)["code"], "insufficient_storage");
                refused += 1;
            }
        }
    }
    assert!(refused > 0, "{} users found room", kept.len());
    let login = json!({"username": "admin", "password": PASSWORD});
    let little = [
        admin.post("/api/auth/login", login).await,
        admin.post("/api/backups", json!({"scope": "tenant", "tenant": "acme"})).await,
    ];
    // It may find room in the log that SQLite has already.
    for answer in little.into_iter().filter(|answer| answer.status >= 300) {
        assert_eq!(answer.expect(507)["code"], "insufficient_storage");
    }
    let second = json!({"slug": "second", "name": "Second"});
    for answer in [admin.post("/api/tenants", second).await, begin(&admin, "acme", 1 << 20).await] {
        assert_eq!(answer.expect(507)["code"], "insufficient_storage");
    }
    assert_eq!((admin.get("/readyz").await.status, admin.get("/livez").await.status), (503, 200));
    admin.get("/api/tenants").await.expect(200);

    filler.remove();
    until("it to be ready again", async || (admin.get("/readyz").await.status == 200).then_some(())).await;
    kept.push("after".to_owned());
    add_user(&admin, "acme", "after").await.expect(201);
    let users = admin.all("/api/tenants/acme/users").await;
    for name in kept {
        assert!(users.iter().any(|user| user["username"] == name.as_str()), "{name} is gone");
    }
    assert_eq!(back_up(&admin, "acme").await["status"], "verified");
    home.admin(&server).await.get("/api/auth/session").await.expect(200);
    assert!(server.stop().await.success());
}
