//! Settings from all sides, as a process sees them.

use std::fs;

use crate::process::Place;

#[test]
fn flags_environment_file_and_defaults_in_this_order() {
    let place = Place::new();
    fs::write(place.path().join("chiliview.toml"), "workers = 3\ntrash_days = 4\nlisten = \"file:1\"").unwrap();
    let mut command = place.command(&["settings", "--json", "--listen", "flag:1"]);
    command.env("CHILIVIEW_WORKERS", "5").env("CHILIVIEW_DATABASE_URL", "postgres://u:hunter@h/d");
    command.env("DATABASE_URL", "postgres://ignored").env("CHILIVIEW_TEST_ANYTHING", "1");
    let out = String::from_utf8(command.output().unwrap().stdout).unwrap();
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(json["listen"], "flag:1");
    assert_eq!(json["workers"], 5);
    assert_eq!(json["trash_days"], 4);
    assert_eq!(json["connections"], 4);
    assert_eq!(json["database_url"], "***");
    assert!(!out.contains("hunter"));
}

#[test]
fn the_printed_settings_are_a_settings_file() {
    let place = Place::new();
    let printed = place.run(&["settings", "--workers", "7"]).out();
    fs::write(place.path().join("chiliview.toml"), &printed).unwrap();
    assert_eq!(place.run(&["settings"]).out(), printed);
}

#[test]
fn unknown_keys_are_errors_that_name_them() {
    let place = Place::new();
    let ran = place.command(&["settings"]).env("CHILIVIEW_LISTENN", "x").output().unwrap();
    assert_eq!(ran.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&ran.stderr).contains("CHILIVIEW_LISTENN"));
    fs::write(place.path().join("chiliview.toml"), "lissten = \"x\"").unwrap();
    let ran = place.run(&["settings"]);
    assert_eq!(ran.code(), Some(2));
    assert!(ran.err().contains("lissten") && ran.err().contains("chiliview.toml"), "{}", ran.err());
}
