//! Recovery as an operator does it: by command, and with nothing but `zstd` and `sqlite3`.

use std::{fs, path::Path, process::Command};

use serde_json::{Value, json};

use crate::process::{Place, Service};

pub(crate) const PASSWORD: &str = "a long and rare sentence";

/// A service with two tenants, a user in each, and a verified backup of everything; stopped. The slugs with their ids.
pub(crate) fn platform(place: &Place) -> Vec<(String, String)> {
    let secret = place.path().join("secret");
    fs::write(&secret, PASSWORD).unwrap();
    let service = place.serve_with(&[], &[("CHILIVIEW_ADMIN_PASSWORD_FILE", secret.to_str().unwrap())]);
    let (_, token) = service.log_in(PASSWORD);
    let tenants = ["acme", "beta"].map(|slug| {
        let (status, made) = service.post("/api/tenants", &token, &json!({"slug": slug, "name": slug}));
        assert_eq!(status, 201, "{made}");
        let user = json!({"username": "eve", "email": format!("eve@{slug}.example")});
        let (status, user) = service.post(&format!("/api/tenants/{slug}/users"), &token, &user);
        assert_eq!(status, 201, "{user}");
        (slug.to_owned(), made["id"].as_str().unwrap().to_owned())
    });
    let made = place.run(&["backup", "create", "--all", "--json"]);
    assert_eq!(made.code(), Some(0), "{}", made.err());
    assert_eq!(service.stop(), Some(0));
    tenants.to_vec()
}

/// Users are there, whoever logged in logs in again, and a new backup works.
fn assert_alive(place: &Place, service: &Service, slugs: &[&str]) {
    let (status, token) = service.log_in(PASSWORD);
    assert_eq!(status, 200);
    for slug in slugs {
        let (status, users) = service.get(&format!("/api/tenants/{slug}/users"), &token);
        assert_eq!((status, &users["items"][0]["email"]), (200, &json!(format!("eve@{slug}.example"))), "{users}");
    }
    let made = place.run(&["backup", "create", "--all", "--json"]);
    assert_eq!(made.code(), Some(0), "{}{}", made.out(), made.err());
}

fn summary(report: &Value) -> (u64, usize) {
    (report["summary"]["problems"].as_u64().unwrap(), report["databases"].as_array().unwrap().len())
}

#[test]
fn a_platform_whose_data_are_gone_comes_back_from_its_shelf_by_command() {
    let place = Place::new();
    platform(&place);
    let shelf = place.path().join("shelf");
    fs::rename(place.data().join("backups"), &shelf).unwrap();
    fs::remove_dir_all(place.data()).unwrap();
    let report = place.run(&["restore", "--from-shelf", "--shelf", shelf.to_str().unwrap(), "--json"]);
    assert_eq!(report.code(), Some(0), "{}{}", report.out(), report.err());
    assert_eq!(summary(&report.json()), (0, 3));
    let told = report.out();
    assert!(told.contains("CHILIVIEW_SHELF"), "the shelf that the service will look at is another: {told}");
    let again = place.run(&["restore", "--from-shelf", "--shelf", shelf.to_str().unwrap()]);
    assert_eq!(again.code(), Some(2), "it is not empty any more: {}", again.err());
    let service = place.serve_with(&["--shelf", shelf.to_str().unwrap()], &[]);
    assert_alive(&place, &service, &["acme", "beta"]);
    assert_eq!(service.stop(), Some(0));
    let doctor = place.run(&["doctor", "--shelf", shelf.to_str().unwrap()]);
    assert!(!doctor.out().contains("no backup is listed for"), "{}", doctor.out());
}

#[test]
fn the_central_database_comes_back_while_the_service_is_stopped() {
    let place = Place::new();
    platform(&place);
    let service = place.serve();
    let locked = place.run(&["restore", "--central", "--yes"]);
    assert_eq!(locked.code(), Some(11), "{}", locked.err());
    assert!(locked.err().contains("stop the service"), "{}", locked.err());
    assert_eq!(service.stop(), Some(0));
    let unasked = place.run(&["restore", "--central"]);
    assert_eq!(unasked.code(), Some(2), "{}", unasked.err());
    assert!(unasked.err().contains("--yes"), "{}", unasked.err());
    let tried = place.run(&["restore", "--central", "--dry-run", "--json"]);
    assert_eq!((tried.code(), &tried.json()["dry_run"]), (Some(0), &json!(true)), "{}", tried.err());
    assert!(!place.data().join("repairs").exists());
    fs::write(place.data().join("chiliview.db"), "no database").unwrap();
    let report = place.run(&["restore", "--central", "--yes"]);
    assert_eq!(report.code(), Some(0), "{}{}", report.out(), report.err());
    assert!(report.out().contains("restored from backup"), "{}", report.out());
    let service = place.serve();
    assert_alive(&place, &service, &["acme", "beta"]);
    assert_eq!(service.stop(), Some(0));
    let doctor = place.run(&["doctor"]);
    assert_eq!(doctor.code(), Some(0), "{}", doctor.out());
}

#[test]
fn what_restore_cannot_mean_is_a_matter_of_usage() {
    let place = Place::new();
    for arguments in [
        &["restore"][..],
        &["restore", "--central", "--from-shelf"],
        &["restore", "--from-shelf", "--backup", "01890000-0000-7000-8000-000000000001"],
        &["restore", "--central", "--yes"],
    ] {
        assert_eq!(place.run(arguments).code(), Some(2), "{arguments:?}");
    }
    assert!(!place.data().exists());
}

/// The commands of docs/OPERATIONS.md, as they stand there.
fn by_hand() -> String {
    let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/OPERATIONS.md");
    let text = fs::read_to_string(document).unwrap();
    let (_, rest) = text.split_once("<!-- by hand: a test runs these -->\n```sh\n").unwrap();
    rest.split_once("\n```").unwrap().0.to_owned()
}

#[test]
fn a_platform_comes_back_by_hand_with_zstd_and_sqlite3_alone() {
    let place = Place::new();
    if missing(&["zstd", "sqlite3", "sh"]) {
        return;
    }
    let tenants = platform(&place);
    let old = place.path().join("old");
    fs::rename(place.data(), &old).unwrap();
    let mut shell = Command::new("sh");
    shell.args(["-eu", "-c", &by_hand()]).current_dir(place.path());
    shell.env("SHELF", old.join("backups")).env("DATA", place.data());
    let ran = shell.output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{said}");
    for (_, id) in &tenants {
        let database = format!("resellers/{id}/reseller.db");
        let rows = |root: &Path| {
            let query = "SELECT * FROM users ORDER BY id; SELECT * FROM settings ORDER BY key; SELECT * FROM audit_log";
            let out = Command::new("sqlite3").arg(root.join(&database)).arg(query).output().unwrap();
            assert!(out.status.success());
            out.stdout
        };
        assert!(!rows(&old).is_empty());
        assert_eq!(rows(&place.data()), rows(&old));
    }
    // The list of backups is made to agree with the shelf, as the document says.
    let shelf = old.join("backups");
    let service = place.serve_with(&["--shelf", shelf.to_str().unwrap()], &[]);
    assert_alive(&place, &service, &["acme", "beta"]);
    assert_eq!(service.stop(), Some(0));
}

/// Whether the test has to be skipped because one of the programs is not there. CI skips nothing.
pub(crate) fn missing(programs: &[&str]) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = |program: &&&str| std::env::split_paths(&path).any(|directory| directory.join(program).is_file());
    let Some(lacking) = programs.iter().find(|program| !found(program)) else { return false };
    assert!(std::env::var_os("CI").is_none(), "CI must not skip: {lacking} is not installed");
    let _ = std::io::Write::write_fmt(&mut std::io::stderr(), format_args!("skipped: {lacking} is not installed\n"));
    true
}
