//! A download that breaks and goes on where it broke, and a snapshot that opens without ChiliView.

use std::{
    fs,
    io::Read,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;

use super::people::{self, Person};
use crate::support::{Client, Home, run, sha256};

/// `curl`, killed after 64 KiB; then `curl -C -`.
pub(super) fn interrupted_and_resumed(home: &Home, admin: &Client, backup: &Value) -> PathBuf {
    let file = home.path("mueller.db.zst");
    let url = admin.address(&format!("/api/backups/{}/content", backup["id"].as_str().unwrap()));
    let curl = || {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--show-error", "--fail"]).arg(&url);
        curl.args(["--header", &format!("Authorization: Bearer {}", admin.token)]);
        curl
    };
    let mut interrupted = curl().stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut part = vec![0; 64 << 10];
    interrupted.stdout.take().unwrap().read_exact(&mut part).unwrap();
    interrupted.kill().unwrap();
    interrupted.wait().unwrap();
    fs::write(&file, part).unwrap();

    run(curl().args(["-C", "-", "-o"]).arg(&file));
    let whole = fs::read(&file).unwrap();
    assert_eq!(Some(whole.len() as u64), backup["bytes"].as_u64());
    assert_eq!(sha256(whole), backup["sha256"].as_str().unwrap());
    file
}

/// `zstd -d` and `sqlite3`, nothing else.
pub(super) fn opens_without_chiliview(snapshot: &Path, people: &[Person]) {
    let database = snapshot.with_extension("");
    run(Command::new("zstd").args(["-d", "-q"]).arg(snapshot).arg("-o").arg(&database));
    let ask = |question: &str| run(Command::new("sqlite3").args(["-json"]).arg(&database).arg(question)).stdout;

    let rows = ask("SELECT username, email, given_name, family_name FROM users");
    let rows: Vec<Value> = serde_json::from_slice(&rows).unwrap();
    assert_eq!(people::sorted(rows.iter().map(Person::from_json)), people::sorted(people.iter().cloned()));
    assert_eq!(String::from_utf8(ask("PRAGMA integrity_check")).unwrap().trim(), r#"[{"integrity_check":"ok"}]"#);
}
