//! One tenant comes back by command while the service runs, as its operator asks for it.

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use serde_json::{Value, json};

use crate::{
    process::{Place, Service},
    restore::{PASSWORD, missing, platform},
};

/// A platform with backups that serves again, and one more user in `acme` since.
fn changed_since(place: &Place) -> (Service, String) {
    platform(place);
    let service = place.serve();
    let (_, token) = service.log_in(PASSWORD);
    let user = json!({"username": "late", "email": "late@acme.example"});
    assert_eq!(service.post("/api/tenants/acme/users", &token, &user).0, 201);
    (service, token)
}

fn users(service: &Service, token: &str, slug: &str) -> Vec<Value> {
    let (status, users) = service.get(&format!("/api/tenants/{slug}/users"), token);
    assert_eq!(status, 200, "{users}");
    users["items"].as_array().unwrap().iter().map(|user| user["username"].clone()).collect()
}

#[test]
fn a_tenant_comes_back_by_command_while_the_others_go_on() {
    let place = Place::new();
    let (service, token) = changed_since(&place);
    let dry = place.run(&["restore", "acme", "--dry-run", "--json"]);
    assert_eq!((dry.code(), &dry.json()["plan"]["replaces"]["users"]), (Some(0), &json!(2)), "{}", dry.err());
    let unasked = place.run(&["restore", "acme"]);
    assert_eq!(unasked.code(), Some(2), "{}", unasked.err());
    assert!(unasked.err().contains("--yes"), "{}", unasked.err());
    assert_eq!(users(&service, &token, "acme").len(), 2, "nothing was changed yet");

    let done = place.run(&["restore", "acme", "--yes", "--json"]);
    assert_eq!((done.code(), &done.json()["status"]), (Some(0), &json!("done")), "{}{}", done.out(), done.err());
    assert_eq!(users(&service, &token, "acme"), ["eve"]);
    let copied = place.run(&["restore", "acme", "--as", "copy", "--name", "A copy"]);
    assert_eq!(copied.code(), Some(0), "{}{}", copied.out(), copied.err());
    assert!(copied.out().contains("restored copy"), "{}", copied.out());
    assert_eq!(users(&service, &token, "copy"), ["eve"]);
    assert_eq!(users(&service, &token, "beta"), ["eve"]);
    let (_, restores) = service.get("/api/restores", &token);
    assert_eq!(restores["items"][0]["requested_by"], "command line", "{restores}");
}

#[test]
fn what_cannot_be_restored_ends_with_1_and_says_why() {
    let place = Place::new();
    let (service, token) = changed_since(&place);
    let (_, listed) = service.get("/api/backups?tenant=beta", &token);
    let of_beta = listed["items"][0]["id"].as_str().unwrap().to_owned();
    for (arguments, why) in [
        (&["restore", "nobody", "--yes"][..], "find a tenant"),
        (&["restore", "acme", "--yes", "--backup", &of_beta], "is not of it"),
        (&["restore", "acme", "--as", "beta"], "/slug"),
        (&["restore", "acme", "--as", "No Slug"], "/slug"),
    ] {
        let ran = place.run(arguments);
        assert_eq!(ran.code(), Some(1), "{arguments:?}: {}", ran.err());
        assert!(ran.err().contains(why), "{arguments:?}: {}", ran.err());
    }
    for arguments in [
        &["restore", "acme", "--central"][..],
        &["restore", "--central", "--as", "copy"],
        &["restore", "acme", "--file", "x.db.zst"],
        &["restore", "acme", "--as", "copy", "--name", "two\nlines"],
    ] {
        assert_eq!(place.run(arguments).code(), Some(2), "{arguments:?}");
    }
    assert_eq!(users(&service, &token, "acme").len(), 2);
}

/// Runs the command at a terminal where somebody types `word`.
fn at_a_terminal(place: &Place, arguments: &str, word: &str) -> (Option<i32>, String) {
    let command = format!("{} {arguments}", env!("CARGO_BIN_EXE_chiliview"));
    let mut script = Command::new("script");
    script.args(["--quiet", "--return", "--command", &command, "/dev/null"]).current_dir(place.path());
    let mut child = script.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    writeln!(stdin, "{word}").unwrap();
    let ended = child.wait_with_output().unwrap();
    drop(stdin);
    (ended.status.code(), String::from_utf8_lossy(&ended.stdout).into_owned())
}

#[test]
fn at_a_terminal_the_slug_is_typed_before_anything_is_replaced() {
    if missing(&["script"]) {
        return;
    }
    let place = Place::new();
    let (service, token) = changed_since(&place);
    let (code, said) = at_a_terminal(&place, "restore acme", "yes");
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("Type acme") && said.contains("not confirmed"), "{said}");
    assert_eq!(users(&service, &token, "acme").len(), 2);
    let (code, said) = at_a_terminal(&place, "restore acme", "acme");
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("restored acme; it can be undone until"), "{said}");
    assert_eq!(users(&service, &token, "acme"), ["eve"]);
}
