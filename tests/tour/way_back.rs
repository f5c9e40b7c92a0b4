//! A backup is only worth what the way back is: a reseller is put back, somebody thinks better of it, and it is undone; a
//! second one is made of the first; and what was downloaded comes in again.

use std::{fs, path::Path};

use serde_json::{Value, json};

use super::people::{self, Person};
use crate::support::{Client, Home};

const USERS: &str = "/api/tenants/mueller/users";

/// Half the users are deleted by mistake; the backup brings them all back, and the mistake comes back by the undo.
pub(super) async fn restored_and_undone(home: &Home, admin: &Client, backup: &Value, people: &[Person]) {
    for user in admin.all(USERS).await.iter().step_by(2).take(20) {
        admin.delete(&format!("{USERS}/{}", user["id"].as_str().unwrap())).await.expect(204);
    }
    let mistaken = present(admin, USERS).await;
    let ask = format!("/api/backups/{}/restore", backup["id"].as_str().unwrap());
    let wish = |slug: &str, password: &str| json!({"into": "same", "slug": slug, "password": password});
    let wrong = admin.post(&ask, wish("müller", home.password())).await.expect(422);
    assert_eq!(wrong["errors"][0]["pointer"], "/slug");
    admin.post(&ask, wish("mueller", "not the password")).await.expect(403);
    let plan = admin.post(&ask, json!({"into": "same", "dry_run": true})).await.expect(200);
    assert_eq!(plan["plan"]["rows"]["users"], json!(people.len()), "{plan}");
    assert_eq!(present(admin, USERS).await, mistaken, "nothing was changed so far");

    let restore = admin.post(&ask, wish("mueller", home.password())).await.expect(202);
    let done = ended(admin, &restore, "done").await;
    assert_eq!(present(admin, USERS).await, people::sorted(people.iter().cloned()));
    let safety = admin.backup_ended(done["safety_backup_id"].as_str().unwrap()).await;
    assert_eq!((&safety["status"], &safety["origin"]), (&json!("verified"), &json!("safety")));

    let undo = format!("/api/restores/{}/undo", restore["id"].as_str().unwrap());
    admin.post(&undo, json!({"password": home.password()})).await.expect(202);
    ended(admin, &restore, "undone").await;
    assert_eq!(present(admin, USERS).await, mistaken);
    let again = admin.post(&ask, wish("mueller", home.password())).await.expect(202);
    ended(admin, &again, "done").await;
}

/// The downloaded file becomes a backup again, and that a second reseller.
pub(super) async fn imported_and_cloned(home: &Home, admin: &Client, packed: &Path, people: &[Person]) {
    let file = fs::read(packed).unwrap();
    let import = admin.request(reqwest::Method::POST, "/api/backups/import?tenant=mueller").body(file);
    let import = crate::support::Answer::to(import).await.expect(202);
    let import = admin.backup_ended(import["id"].as_str().unwrap()).await;
    assert_eq!((&import["status"], &import["origin"]), (&json!("verified"), &json!("import")), "{import}");
    let ask = format!("/api/backups/{}/restore", import["id"].as_str().unwrap());
    let wish = json!({"into": "new", "slug": "mueller-zwei", "name": "Müller Zwei", "password": home.password()});
    let restore = admin.post(&ask, wish).await.expect(202);
    ended(admin, &restore, "done").await;
    let clone = present(admin, "/api/tenants/mueller-zwei/users").await;
    assert_eq!(clone, people::sorted(people.iter().cloned()));
}

async fn present(admin: &Client, users: &str) -> Vec<Person> {
    people::sorted(admin.all(users).await.iter().map(Person::from_json))
}

async fn ended(admin: &Client, restore: &Value, status: &str) -> Value {
    let restore = admin.restore_ended(restore["id"].as_str().unwrap()).await;
    // The undo begins with a restore that is done: the status alone would be believed too early.
    assert_eq!(restore["status"], status, "{restore}");
    restore
}
