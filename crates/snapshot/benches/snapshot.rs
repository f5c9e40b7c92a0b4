//! One database, two ways: `sqlite3 .backup` and `zstd -3` as an operator would script it, and ours.
//!
//! `CHILIVIEW_BENCH_MB` (1024) sets the size. Ours runs in a process of its own, so that its peak memory is its own.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use chiliview_snapshot::{
    Depth, Owner, Phase, Progress, Recipients, Shelf, Source, Watch, WriteRequest, Written, prove, write,
};
use chrono::DateTime;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};
use sqlx::{ConnectOptions as _, Connection as _};
use uuid::Uuid;

type Outcome<T> = Result<T, Box<dyn Error>>;

const CHILD: &str = "CHILIVIEW_BENCH_CHILD";
const ROUNDS: u32 = 3;

#[tokio::main]
async fn main() -> Outcome<()> {
    match std::env::var_os(CHILD) {
        Some(dir) => ours(Path::new(&dir)).await,
        // Only `cargo bench` says so; `cargo test --all-targets` runs this too, and wants no gigabyte.
        None if std::env::args().any(|argument| argument == "--bench") => compare().await,
        None => Ok(()),
    }
}

async fn compare() -> Outcome<()> {
    let megabytes: u64 = std::env::var("CHILIVIEW_BENCH_MB").map_or(Ok(1024), |text| text.parse())?;
    let dir =
        tempfile::tempdir_in(std::env::var_os("CHILIVIEW_BENCH_DIR").map_or_else(std::env::temp_dir, PathBuf::from))?;
    build(&dir.path().join("live.db"), megabytes << 20).await?;
    let mut ratios = Vec::new();
    for round in 1..=ROUNDS {
        let (theirs, cpu) = theirs(dir.path())?;
        let report = child(dir.path())?;
        let write: f64 =
            report.split_whitespace().find_map(|word| word.strip_prefix("write=")).ok_or("no figure")?.parse()?;
        println!("round {round}: .backup + zstd -3 {theirs:.2} s ({cpu:.2} s of CPU); {report}");
        ratios.push(write / theirs);
    }
    ratios.sort_by(f64::total_cmp);
    println!("median ratio of write to .backup + zstd -3: {:.2}", ratios[ratios.len() / 2]);
    Ok(())
}

/// Rows as a tenant has them: ids, names, addresses, settings, and some noise that does not compress.
async fn build(path: &Path, bytes: u64) -> Outcome<()> {
    let options =
        SqliteConnectOptions::new().filename(path).create_if_missing(true).journal_mode(SqliteJournalMode::Wal);
    let mut live = options.connect().await?;
    sqlx::raw_sql("CREATE TABLE users (id BLOB PRIMARY KEY, name TEXT, email TEXT UNIQUE, settings TEXT) STRICT")
        .execute(&mut live)
        .await?;
    while path.metadata()?.len() < bytes {
        sqlx::raw_sql(
            r#"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
               INSERT INTO users SELECT randomblob(16), 'User ' || abs(random() % 100000), hex(randomblob(8)) || '@example.com',
                 '{"language":"' || iif(random() % 2, 'de', 'en') || '","theme":"dark","created":"2026-0' || (abs(random()) % 9 + 1)
                 || '-11T10:00:00Z","permissions":["read","write","backup"],"token":"' || hex(randomblob(48)) || '","note":"'
                 || substr('the quick brown fox jumps over the lazy dog and runs away from all that was', 1, abs(random()) % 70) || '"}' FROM n;
               PRAGMA wal_checkpoint(TRUNCATE)"#,
        )
        .execute(&mut live)
        .await?;
    }
    live.close().await?;
    println!("database: {} MiB", path.metadata()?.len() >> 20);
    Ok(())
}

/// Wall and CPU seconds.
fn theirs(dir: &Path) -> Outcome<(f64, f64)> {
    let (live, copy, packed) = (dir.join("live.db"), dir.join("copy.db"), dir.join("copy.db.zst"));
    let (started, cpu) = (Instant::now(), cpu_seconds()?);
    run(Command::new("sqlite3").arg(&live).arg(format!(".backup '{}'", copy.display())))?;
    run(Command::new("zstd").args(["-3", "-q", "-f"]).arg(&copy).arg("-o").arg(&packed))?;
    let took = (started.elapsed().as_secs_f64(), cpu_seconds()? - cpu);
    println!(
        "  .backup + zstd -3: {} MiB packed, {} MiB of extra disk",
        packed.metadata()?.len() >> 20,
        copy.metadata()?.len() >> 20
    );
    std::fs::remove_file(copy)?;
    std::fs::remove_file(packed)?;
    Ok(took)
}

fn run(command: &mut Command) -> Outcome<()> {
    if command.status()?.success() { Ok(()) } else { Err(format!("{command:?} failed").into()) }
}

fn child(dir: &Path) -> Outcome<String> {
    let output =
        Command::new(std::env::current_exe()?).env(CHILD, dir).stderr(std::process::Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err("the other process failed".into());
    }
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

async fn ours(dir: &Path) -> Outcome<()> {
    let shelf = Shelf::directory(dir.join("shelf")).await?;
    let request = WriteRequest {
        source: Source::Sqlite(dir.join("live.db")),
        owner: Owner::Central,
        backup: Uuid::nil(),
        attempt: 1,
        taken_at: DateTime::UNIX_EPOCH,
        tool_version: "bench".into(),
        recipients: Recipients::none(),
    };
    let key = request.key();
    let (started, cpu) = (Instant::now(), cpu_seconds()?);
    let published = Arc::new(OnceLock::new());
    let watch = Watch { progress: Arc::new(at_publishing(started, Arc::clone(&published))), ..Watch::unobserved() };
    let Written { manifest, proof_key } = write(request, &shelf, &watch).await?;
    let wrote = started.elapsed().as_secs_f64();
    let (read, cpu) = (published.get().copied().unwrap_or(wrote), cpu_seconds()? - cpu);
    let after_write = peak_kib()?;
    let started = Instant::now();
    prove(&shelf, &key, &manifest, Depth::Quick, &proof_key, &dir.join("scratch"), &Watch::unobserved()).await?;
    let proved = started.elapsed().as_secs_f64();
    let (packed, peak) = (manifest.stored_bytes >> 20, peak_kib()? >> 10);
    shelf.remove(&key).await?;
    println!(
        "ours: write={wrote:.2} s ({read:.2} s before the fsync, {cpu:.2} s of CPU), {packed} MiB packed, peak RSS {} MiB, 0 MiB of extra disk; prove={proved:.2} s, peak RSS {peak} MiB",
        after_write >> 10
    );
    Ok(())
}

fn at_publishing(started: Instant, at: Arc<OnceLock<f64>>) -> impl Fn(Progress) {
    move |progress| {
        if progress.phase == Phase::Publishing {
            at.get_or_init(|| started.elapsed().as_secs_f64());
        }
    }
}

/// User and system time of this process and of its ended children, fields 14 to 17 of proc_pid_stat(5), in the
/// hundredths of a second that Linux counts in.
fn cpu_seconds() -> Outcome<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields = stat.rsplit(')').next().ok_or("no fields")?.split_whitespace().skip(11).take(4);
    let ticks = fields.map(str::parse::<f64>).sum::<Result<f64, _>>()?;
    Ok(ticks / 100.0)
}

/// `VmHWM` of this process, proc(5).
fn peak_kib() -> Outcome<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}
