//! A tour of the product, in the order in which a newcomer meets it. Each chapter is a function below.

mod damage;
mod download;
mod interruption;
mod people;
mod way_back;

use chiliview_store::Settings;
use serde_json::{Value, json};

use self::people::Person;
use crate::{
    engines::on_postgres,
    support::{Client, Home, missing, project, run},
};

const RESELLERS: [(&str, &str); 3] =
    [("mueller", "Müller & Söhne"), ("cafe-zurich", "Café Zürich, \"Am See\""), ("olafsson", "Ólafsson ehf.")];

#[tokio::test]
async fn tour() {
    if missing(&["curl", "zstd", "sqlite3"]) {
        return;
    }
    let home = Home::new();
    from_the_first_start_on(&home).await;
    damage::doctor_finds_nothing(&home);
    damage::doctor_names_what_is_damaged(&home);
}

/// The same where the databases are schemas on a server.
#[tokio::test]
async fn tour_on_postgres() {
    if missing(&["curl", "zstd", "sqlite3"]) {
        return;
    }
    on_postgres(async |settings: Settings| {
        let home = Home::on(&settings);
        from_the_first_start_on(&home).await;
        damage::doctor_finds_nothing(&home);
        damage::doctor_names_what_is_gone(&home).await;
    })
    .await;
}

async fn from_the_first_start_on(home: &Home) {
    // `make run` in a fresh directory prints the address and, once, the admin's password.
    let server = home.serve().await;
    let admin = home.admin(&server).await;

    three_resellers(&admin).await;
    let people = a_thousand_users_from_a_spreadsheet(&admin).await;
    let people = some_change_and_some_leave(&admin, people).await;

    // Saved means saved: the process dies the hard way, and everything is there, the log-in too.
    server.kill();
    let server = home.serve().await;
    let admin = admin.at(&server);
    everything_is_there(&admin, &people).await;

    let backups = everything_is_backed_up(&admin).await;
    let mueller = of("mueller", &backups);
    let snapshot = download::interrupted_and_resumed(home, &admin, mueller);
    download::opens_without_chiliview(&snapshot, &people);

    way_back::restored_and_undone(home, &admin, mueller, &people).await;
    way_back::imported_and_cloned(home, &admin, &snapshot, &people).await;

    interruption::killed_in_the_middle_of_backups(home, server, &admin).await;
}

/// The same against a service that runs already, in containers for example, fresh: all that asks for no hand on its files.
#[tokio::test]
async fn tour_of_a_service_elsewhere() {
    let Some((home, admin)) = Home::elsewhere().await else { return };
    three_resellers(&admin).await;
    let people = a_thousand_users_from_a_spreadsheet(&admin).await;
    let people = some_change_and_some_leave(&admin, people).await;
    everything_is_there(&admin, &people).await;
    let backups = everything_is_backed_up(&admin).await;
    let mueller = of("mueller", &backups);
    let snapshot = download::interrupted_and_resumed(&home, &admin, mueller);
    download::opens_without_chiliview(&snapshot, &people);
    way_back::restored_and_undone(&home, &admin, mueller, &people).await;
    way_back::imported_and_cloned(&home, &admin, &snapshot, &people).await;
}

async fn three_resellers(admin: &Client) {
    for (slug, name) in RESELLERS {
        let tenant = admin.post("/api/tenants", json!({"slug": slug, "name": name})).await.expect(201);
        assert_eq!((&tenant["name"], &tenant["status"]), (&json!(name), &json!("active")));
    }
}

/// With umlauts, commas and quotes in it, and not a line of it when one line is wrong.
async fn a_thousand_users_from_a_spreadsheet(admin: &Client) -> Vec<Person> {
    const IMPORT: &str = "/api/tenants/mueller/users/import";
    let people = people::a_thousand();
    let wrong = format!("{}nobody,this is no address,,,\n", people::csv(&people));
    let problem = admin.post_csv(IMPORT, wrong).await.expect(422);
    assert_eq!(problem["errors"][0]["pointer"], "/lines/1002/email");
    assert!(admin.all("/api/tenants/mueller/users").await.is_empty(), "nothing was written");

    let report = admin.post_csv(IMPORT, people::csv(&people)).await.expect(200);
    assert_eq!((&report["created"], &report["error_count"]), (&json!(1000), &json!(0)));
    people
}

/// Every 50th marries, every 70th leaves.
async fn some_change_and_some_leave(admin: &Client, mut people: Vec<Person>) -> Vec<Person> {
    let users = admin.all("/api/tenants/mueller/users").await;
    let user = |person: &Person| users.iter().find(|user| user["username"] == person.username).unwrap();
    for person in people.iter_mut().step_by(50) {
        let user = user(person);
        person.family_name = format!("{}-Çelik, \"geb.\"", person.family_name);
        let patch = json!({"family_name": person.family_name});
        let changed = admin.patch(&path_of(user), &user["version"], patch.clone()).await.expect(200);
        assert_eq!(changed["family_name"], json!(person.family_name));
        // Whoever changes what he saw before somebody else changed it, is told.
        admin.patch(&path_of(user), &user["version"], patch).await.expect(412);
    }
    let mut stay = Vec::new();
    for (place, person) in people.into_iter().enumerate() {
        if place % 70 == 1 {
            admin.delete(&path_of(user(&person))).await.expect(204);
        } else {
            stay.push(person);
        }
    }
    stay
}

fn path_of(user: &Value) -> String {
    format!("/api/tenants/mueller/users/{}", user["id"].as_str().unwrap())
}

async fn everything_is_there(admin: &Client, people: &[Person]) {
    let tenants = admin.all("/api/tenants").await;
    assert_eq!(tenants.len(), RESELLERS.len());
    for (slug, name) in RESELLERS {
        assert!(tenants.iter().any(|tenant| tenant["slug"] == slug && tenant["name"] == name));
    }
    let users = admin.all("/api/tenants/mueller/users").await;
    assert_eq!(people::sorted(users.iter().map(Person::from_json)), people::sorted(people.iter().cloned()));
}

/// The central database and each reseller's: four backups, each of them proven to restore.
async fn everything_is_backed_up(admin: &Client) -> Vec<Value> {
    let queued = admin.post("/api/backups", json!({"scope": "all"})).await.expect(202);
    let mut backups = Vec::new();
    for queued in queued["items"].as_array().unwrap() {
        let backup = admin.backup_ended(queued["id"].as_str().unwrap()).await;
        assert_eq!(backup["status"], "verified", "{backup}");
        backups.push(backup);
    }
    assert_eq!(backups.len(), RESELLERS.len() + 1);
    backups
}

/// A reseller's backup.
fn of<'a>(slug: &str, backups: &'a [Value]) -> &'a Value {
    backups.iter().find(|backup| backup["tenant"] == slug).unwrap()
}

#[test]
fn the_words_that_a_newcomer_types_are_there() {
    let makefile = std::fs::read_to_string(project().join("Makefile")).unwrap();
    for word in ["run", "test", "check", "bench", "clean"] {
        assert!(makefile.lines().any(|line| line.starts_with(&format!("{word}:"))), "make {word}");
    }
    run(std::process::Command::new("bash").arg("-n").arg(project().join(".ci/run")));
}
