//! `zstd -d` and `sqlite3` alone recover a snapshot. Skipped, with a word, where they are not installed.

use std::process::Command;

use crate::common::Fixture;

fn run(program: &str, args: &[&str]) -> Option<String> {
    let output = Command::new(program).args(args).output().ok()?;
    assert!(output.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap())
}

#[tokio::test]
async fn a_snapshot_opens_without_chiliview() {
    if run("zstd", &["--version"]).is_none() || run("sqlite3", &["--version"]).is_none() {
        eprintln!("skipped: zstd or sqlite3 is not installed");
        return;
    }
    let fixture = Fixture::new().await;
    let _live = fixture.live(20_000).await;
    fixture.write().await.unwrap();
    let out = fixture.dir.path().join("recovered.db");
    let (artefact, out) = (fixture.artefact().display().to_string(), out.display().to_string());
    run("zstd", &["-q", "-t", &artefact]).unwrap();
    run("zstd", &["-q", "-d", &artefact, "-o", &out]).unwrap();
    let sql = "PRAGMA integrity_check; SELECT sum(balance) FROM accounts; SELECT count(*) FROM \"odd \"\" name\"";
    assert_eq!(run("sqlite3", &[&out, sql]).unwrap(), "ok\n100000\n20000\n");
    let listed = run("zstd", &["-lv", &artefact]).unwrap();
    assert!(listed.contains("Check: XXH64"), "{listed}");
}
