//! What the doctor says when all is well, and when a disk lost one database and somebody removed another.

use std::{
    fs,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use serde_json::Value;

use crate::support::Home;

/// Every check is ok, and it says so with exit code 0.
pub(super) fn doctor_finds_nothing(home: &Home) {
    let (code, report) = home.doctor(&[]);
    let all_ok = checks(&report).all(|check| check["status"] == "ok");
    assert!(code == 0 && all_ok, "exit code {code}: {report:#}");
}

/// One database is damaged, another is gone: both are named, with what to do. A repair copies before it changes anything,
/// and says what it could not do.
pub(super) fn doctor_names_what_is_damaged(home: &Home) {
    let damaged = database_of(home, "cafe-zurich");
    let removed = database_of(home, "olafsson");
    let file = fs::File::options().write(true).open(&damaged).unwrap();
    file.write_all_at(&[0xA5; 8192], 4096).unwrap();
    let bytes = fs::read(&damaged).unwrap();
    fs::remove_file(&removed).unwrap();

    let (code, report) = home.doctor(&[]);
    assert_eq!(code, 13, "{report:#}");
    assert_named(&report, "cafe-zurich", "problem");
    assert_named(&report, "olafsson", "problem");
    assert!(!home.path("data/repairs").exists(), "who only looks changes nothing");

    let (code, report) = home.doctor(&["--repair"]);
    assert_eq!(code, 13, "not everything can be repaired: {report:#}");
    assert_named(&report, "cafe-zurich", "unrepairable");
    assert_named(&report, "olafsson", "unrepairable");
    let advice = named(&report, "olafsson")["advice"].as_str().unwrap();
    assert!(advice.contains("backup"), "{advice}");
    let copies = copies_of(&damaged, &home.path("data/repairs"));
    assert!(copies.iter().any(|copy| fs::read(copy).unwrap() == bytes), "a copy was made first, as it was found");
    assert!(checks(&report).all(|check| check["status"] != "problem"), "each was tried: {report:#}");
}

/// A schema is gone, and a table of another one: both are named, with what to do, and no repair pretends to have mended it.
pub(super) async fn doctor_names_what_is_gone(home: &Home) {
    let (_, report) = home.doctor(&[]);
    let schema = |slug: &str| {
        let object = named(&report, slug)["object"].as_str().unwrap();
        let start = object.find("tenant_").unwrap_or_else(|| panic!("no schema in {object}"));
        object[start..].trim_end_matches(')').to_owned()
    };
    home.execute(&format!("DROP TABLE {}.settings", schema("cafe-zurich"))).await;
    home.execute(&format!("DROP SCHEMA {} CASCADE", schema("olafsson"))).await;
    for (arguments, status) in [(&[][..], "problem"), (&["--repair"], "unrepairable")] {
        let (code, report) = home.doctor(arguments);
        assert_eq!(code, 13, "{report:#}");
        assert_named(&report, "cafe-zurich", status);
        assert_named(&report, "olafsson", status);
    }
}

fn checks(report: &Value) -> impl Iterator<Item = &Value> {
    report["checks"].as_array().unwrap().iter()
}

/// What is said of a tenant's database.
#[track_caller]
fn named<'a>(report: &'a Value, slug: &str) -> &'a Value {
    let about = |check: &&Value| check["name"] == "tenant_database" && check["object"].as_str().unwrap().contains(slug);
    checks(report).find(about).unwrap_or_else(|| panic!("nothing about {slug} in {report:#}"))
}

#[track_caller]
fn assert_named(report: &Value, slug: &str, status: &str) {
    let check = named(report, slug);
    assert_eq!(check["status"], status, "{check:#}");
    assert!(!check["advice"].as_str().unwrap().is_empty(), "what to do: {check:#}");
}

/// A tenant's database; its path is in the doctor's report, as an operator would find it.
fn database_of(home: &Home, slug: &str) -> PathBuf {
    let (_, report) = home.doctor(&[]);
    let object = named(&report, slug)["object"].as_str().unwrap();
    let (_, path) = object.split_once('(').unwrap();
    home.path(path.trim_end_matches(')'))
}

/// All files below `directory` with the database's name.
fn copies_of(database: &Path, directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(copies_of(database, &path));
        } else if path.file_name() == database.file_name() {
            found.push(path);
        }
    }
    found
}
