//! Starting, serving, stopping, dying.

use std::{fs, os::unix::fs::PermissionsExt as _};

use rustix::process::Signal;
use serde_json::json;

use crate::process::Place;

#[test]
fn the_first_start_shows_a_password_once_and_it_works() {
    let place = Place::new();
    let first = place.serve();
    let password = first.password().unwrap();
    assert_eq!(first.log_in(&password).0, 200);
    assert_eq!(first.log_in("wrong").0, 401);
    assert_eq!(first.stop(), Some(0));
    let log = fs::read_to_string(place.data().join("logs/chiliview.log")).unwrap();
    assert!(log.contains("listening") && !log.contains(&password));
    let second = place.serve();
    assert_eq!(second.password(), None);
    assert_eq!(second.log_in(&password).0, 200);
}

#[test]
fn the_first_password_can_be_chosen_but_not_a_weak_one() {
    let place = Place::new();
    let mut weak = place.command(&["serve", "--listen", "127.0.0.1:0"]);
    let ran = weak.env("CHILIVIEW_ADMIN_PASSWORD", "password1234").output().unwrap();
    assert_eq!(ran.status.code(), Some(2));
    assert!(!String::from_utf8_lossy(&ran.stderr).contains("password1234"));
    let file = place.path().join("secret");
    fs::write(&file, "a long and rare sentence\n").unwrap();
    let service = place.serve_with(&[], &[("CHILIVIEW_ADMIN_PASSWORD_FILE", file.to_str().unwrap())]);
    assert_eq!(service.password(), None);
    assert_eq!(service.log_in("a long and rare sentence").0, 200);
}

#[test]
fn both_signals_end_it_in_order() {
    for signal in [Signal::TERM, Signal::INT] {
        let place = Place::new();
        let mut service = place.serve();
        service.signal(signal);
        assert_eq!(service.wait().code(), Some(0));
        assert!(!place.data().join("chiliview.db-wal").exists());
    }
}

#[test]
fn what_was_acknowledged_survives_being_killed() {
    let place = Place::new();
    let mut service = place.serve();
    let password = service.password().unwrap();
    let (_, token) = service.log_in(&password);
    let (status, tenant) = service.post("/api/tenants", &token, &json!({"slug": "acme", "name": "Acme"}));
    assert_eq!(status, 201);
    service.signal(Signal::KILL);
    service.wait();
    let service = place.serve();
    let (_, token) = service.log_in(&password);
    let (status, found) = service.get("/api/tenants/acme", &token);
    assert_eq!((status, &found["id"]), (200, &tenant["id"]));
}

#[test]
fn an_address_in_use_is_named_before_anything_is_touched() {
    let (place, other) = (Place::new(), Place::new());
    let service = place.serve();
    let ran = other.run(&["serve", "--listen", service.listen()]);
    assert_eq!(ran.code(), Some(1));
    assert!(ran.err().contains(service.listen()) && ran.err().contains("--listen"), "{}", ran.err());
    assert!(!other.data().exists());
}

#[test]
fn everything_it_makes_is_its_users_alone() {
    let place = Place::new();
    place.serve().stop();
    let mut pending = vec![place.data()];
    while let Some(path) = pending.pop() {
        let meta = fs::metadata(&path).unwrap();
        assert_eq!(meta.permissions().mode() & 0o077, 0, "{}", path.display());
        if meta.is_dir() {
            pending.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
    }
}

#[test]
fn a_shelf_that_cannot_be_meant_is_refused_in_plain_words_before_anything_is_made() {
    let place = Place::new();
    for (flags, words) in [
        (vec!["--shelf", "s3://b"], "s3://BUCKET/PREFIX"),
        (vec!["--shelf", "s3://bucket/a//b"], "the prefix"),
        (vec!["--shelf", "gs://bucket"], "a directory or s3://"),
        (vec!["--shelf", "s3://bucket", "--s3-endpoint", "localhost:9000"], "https://HOST"),
        (vec!["--shelf", "s3://bucket", "--s3-encryption", "rot13"], "neither s3 nor kms"),
        (vec!["--shelf", "s3://bucket", "--s3-kms-key", "k"], "goes with"),
    ] {
        let ran = place.run(&[vec!["serve", "--listen", "127.0.0.1:0"], flags].concat());
        assert_eq!(ran.code(), Some(2));
        assert!(!place.data().exists());
        assert!(ran.err().contains(words), "{}", ran.err());
    }
}
