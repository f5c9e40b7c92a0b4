//! The commands, and the exit codes that scripts rely on.

use std::fs;

use serde_json::json;

use crate::process::Place;

#[test]
fn nonsense_ends_with_2() {
    let place = Place::new();
    assert_eq!(place.run(&["nonsense"]).code(), Some(2));
    assert_eq!(place.run(&["backup", "create"]).code(), Some(2));
    assert_eq!(place.run(&["serve", "--no-such-flag"]).code(), Some(2));
}

#[test]
fn help_shows_examples_before_everything_else() {
    let place = Place::new();
    for command in [
        "serve", "worker", "admin", "backup", "schedule", "restore", "verify", "doctor", "audit", "health", "settings",
        "openapi",
    ] {
        let help = place.run(&[command, "--help"]).out();
        let (examples, usage) = (help.find("Examples:"), help.find("Usage:"));
        assert!(examples.is_some() && examples < usage, "{help}");
    }
}

#[test]
fn a_mistyped_directory_is_not_made_into_an_installation() {
    let place = Place::new();
    for command in [&["admin", "list"][..], &["backup", "list"], &["audit", "verify"], &["doctor"]] {
        let ran = place.run(command);
        assert_eq!(ran.code(), Some(2), "{}", ran.err());
        assert!(ran.err().contains("--data-dir"), "{}", ran.err());
    }
    assert!(!place.data().exists());
}

#[test]
fn a_failure_is_a_document_too() {
    let ran = Place::new().run(&["admin", "list", "--json"]);
    assert_eq!(ran.json()["error"]["exit_code"], 2);
}

#[test]
fn admins_are_managed_while_the_service_runs() {
    let place = Place::new();
    let service = place.serve();
    let old = service.password().unwrap();
    let (_, token) = service.log_in(&old);
    let made = place.run(&["admin", "create", "eve", "--role", "auditor", "--json"]).json();
    assert_eq!((&made["username"], &made["role"]), (&json!("eve"), &json!("auditor")));
    assert_eq!(place.run(&["admin", "create", "EVE"]).code(), Some(1));
    assert_eq!(place.run(&["admin", "create", "!"]).code(), Some(2));
    let file = place.path().join("secret");
    fs::write(&file, "a long and rare sentence\n").unwrap();
    let reset = place.run(&["admin", "reset-password", "admin", "--password-file", file.to_str().unwrap()]);
    assert_eq!(reset.code(), Some(0), "{}", reset.err());
    assert_eq!(service.get("/api/tenants", &token).0, 401);
    assert_eq!(service.log_in(&old).0, 401);
    assert_eq!(service.log_in("a long and rare sentence").0, 200);
    assert_eq!(place.run(&["admin", "list", "--json"]).json()["items"].as_array().unwrap().len(), 2);
    let verified = place.run(&["audit", "verify", "--json"]);
    assert_eq!((verified.code(), &verified.json()["ok"]), (Some(0), &json!(true)));
}

#[test]
fn a_backup_is_asked_for_followed_and_listed() {
    let place = Place::new();
    let service = place.serve();
    let (_, token) = service.log_in(&service.password().unwrap());
    service.post("/api/tenants", &token, &json!({"slug": "acme", "name": "Acme"}));
    let made = place.run(&["backup", "create", "--all", "--json"]);
    assert_eq!(made.code(), Some(0), "{}", made.err());
    let items = made.json()["items"].clone();
    assert_eq!(items.as_array().unwrap().len(), 2);
    assert!(items.as_array().unwrap().iter().all(|item| item["status"] == "verified"), "{items}");
    assert_eq!(place.run(&["backup", "list", "--tenant", "acme", "--json"]).json()["items"][0], items[1]);
    assert_eq!(place.run(&["backup", "create", "--tenant", "nobody"]).code(), Some(1));
}

#[test]
fn health_tells_by_its_exit_code() {
    let place = Place::new();
    let service = place.serve();
    let listen = service.listen().to_owned();
    assert_eq!(place.run(&["health", "--listen", &listen]).code(), Some(0));
    service.stop();
    let ran = place.run(&["health", "--listen", &listen, "--json"]);
    assert_eq!((ran.code(), &ran.json()["ready"]), (Some(1), &json!(false)));
}

#[test]
fn the_contract_is_printed_written_and_compared() {
    let place = Place::new();
    let file = place.path().join("contract.json");
    let file = file.to_str().unwrap();
    assert_eq!(place.run(&["openapi", "--out", file]).code(), Some(0));
    assert_eq!(place.run(&["openapi", "--check", file]).code(), Some(0));
    assert_eq!(place.run(&["openapi"]).json()["info"]["title"], "ChiliView");
    fs::write(file, "{}").unwrap();
    let ran = place.run(&["openapi", "--check", file]);
    assert_eq!(ran.code(), Some(1));
    assert!(ran.err().contains("openapi --out"), "{}", ran.err());
    assert!(!place.data().exists());
}

#[test]
fn packagers_get_completions_and_a_manual() {
    let place = Place::new();
    assert!(place.run(&["completions", "bash"]).out().contains("_chiliview"));
    assert!(place.run(&["man"]).out().starts_with(".ie"));
}
