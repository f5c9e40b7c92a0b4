//! Measures what ChiliView promises to be fast at, as ratios beside the plain way of doing it, in one run; and how many tenants
//! one installation bears ([`tenants`], not in that run: it takes minutes).
//!
//! `benches/run` calls this, and the snapshot's own bench. `CHILIVIEW_BENCH_DIR` chooses the disk.

mod download;
mod idle;
mod tenants;
mod writes;

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Result, bail};

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["writes"] => writes::measure().await,
        ["download"] => download::measure().await,
        ["idle", program] => idle::measure(program.as_ref()),
        ["tenants", program, count] => tenants::measure(program.as_ref(), count.parse()?).await,
        _ => bail!("one of: writes, download, idle <path of chiliview>, tenants <path of chiliview> <how many>"),
    }
}

/// A directory on the disk that is measured.
fn directory() -> Result<tempfile::TempDir> {
    let disk = std::env::var_os("CHILIVIEW_BENCH_DIR").map_or_else(std::env::temp_dir, PathBuf::from);
    Ok(tempfile::tempdir_in(disk)?)
}

/// `chiliview`, which refuses settings that it does not know: what is meant for the measurement is not handed on.
fn chiliview(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_remove("CHILIVIEW_BENCH_DIR").env_remove("CHILIVIEW_BENCH_MB");
    command
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// One line of the report.
fn report(what: &str, ours: &str, theirs: &str, ratio: f64, goal: &str) {
    println!("{what:<44} {ours:>14} {theirs:>22} {ratio:>7.2} ×   goal {goal}");
}
