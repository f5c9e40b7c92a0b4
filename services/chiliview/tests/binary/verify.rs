//! A snapshot against its certificate, without the platform that made it.

use std::{fs, path::PathBuf};

use chiliview_snapshot::{
    Depth, Manifest,
    certificate::{SigningKey, Statement, issue},
};
use serde_json::json;

use crate::process::Place;

/// A snapshot of a central database, and a certificate that `key` signed.
fn certified(place: &Place, key: &SigningKey) -> (PathBuf, PathBuf) {
    let service = place.serve();
    assert_eq!(place.run(&["backup", "create", "--central"]).code(), Some(0));
    assert_eq!(service.stop(), Some(0));
    let names = fs::read_dir(place.data().join("backups/central")).unwrap().map(|entry| entry.unwrap().path());
    let (manifests, artefacts): (Vec<_>, Vec<_>) = names.partition(|path| path.extension().unwrap() == "json");
    let manifest = Manifest::from_json(&fs::read(&manifests[0]).unwrap()).unwrap();
    let at = manifest.taken_at;
    let statement = Statement {
        format: Statement::FORMAT,
        issuer: "example".into(),
        issued_at: at,
        verified_at: at,
        depth: Depth::Quick,
        checks: Vec::new(),
        manifest,
    };
    let certificate = place.path().join("certificate.json");
    fs::write(&certificate, issue(key, &statement).unwrap()).unwrap();
    (artefacts[0].clone(), certificate)
}

#[test]
fn a_file_is_what_its_certificate_says_or_it_is_not() {
    let (key, other) = (SigningKey::from_seed([7; 32]), SigningKey::from_seed([8; 32]));
    let place = Place::new();
    let (file, certificate) = certified(&place, &key);
    let (file, certificate) = (file.to_str().unwrap(), certificate.to_str().unwrap());
    let pem = place.path().join("platform.pem");
    fs::write(&pem, key.public().to_pem().unwrap()).unwrap();
    let (pem, text) = (pem.to_str().unwrap(), key.public().to_string());
    for trusted in [pem, &text] {
        let ran = place.run(&["verify", file, certificate, "--key", trusted, "--json"]);
        assert_eq!(ran.code(), Some(0), "{}{}", ran.out(), ran.err());
        assert_eq!((&ran.json()["trusted"], &ran.json()["depth"]), (&json!(true), &json!("quick")));
    }
    let ran = place.run(&["verify", file, certificate]);
    assert_eq!(ran.code(), Some(0), "{}", ran.err());
    assert!(ran.err().contains("--key"), "nobody vouches for the key: {}", ran.err());

    let ran = place.run(&["verify", file, certificate, "--key", &other.public().to_string()]);
    assert_eq!(ran.code(), Some(13), "{}", ran.err());
    let mut bytes = fs::read(file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(file, bytes).unwrap();
    let ran = place.run(&["verify", file, certificate, "--key", pem]);
    assert_eq!(ran.code(), Some(13), "{}", ran.err());
    assert!(ran.err().contains("SHA-256"), "{}", ran.err());
    fs::write(certificate, fs::read_to_string(certificate).unwrap().replace("\"payload\": \"e", "\"payload\": \"f"))
        .unwrap();
    assert_eq!(place.run(&["verify", file, certificate, "--key", pem]).code(), Some(13));
}

#[test]
fn what_is_not_there_is_a_matter_of_usage() {
    let place = Place::new();
    assert_eq!(place.run(&["verify", "no.db.zst", "no.json"]).code(), Some(2));
    assert_eq!(place.run(&["verify", "no.db.zst"]).code(), Some(2));
    assert_eq!(place.run(&["verify", "no.db.zst", "no.json", "--key", "nonsense"]).code(), Some(2));
}
