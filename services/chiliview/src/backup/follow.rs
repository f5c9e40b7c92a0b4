//! Waits for backups, with a progress bar where somebody looks.

use std::{io::IsTerminal, time::Duration};

use chiliview_store::{
    BackupId, Store,
    backups::{self, Backup},
    queue,
};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::exit::Failure;

const EVERY: Duration = Duration::from_millis(200);
/// A worker that was not heard of for so long does nothing.
const SILENT: Duration = Duration::from_secs(15);

/// Waits until all have ended, one way or the other.
pub(super) async fn to_the_end(store: &Store, ids: &[BackupId], json: bool) -> Result<(), Failure> {
    let bar = bar(ids.len(), json);
    if !worker_lives(store).await? {
        bar.suspend(|| eprintln!("no worker is running: `chiliview serve` or `chiliview worker` does the backups"));
    }
    loop {
        let rows = read(store, ids).await?;
        draw(&bar, &rows);
        if rows.iter().all(|row| row.status.is_terminal()) {
            bar.finish_and_clear();
            return Ok(());
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// The rows as they are now.
pub(super) async fn read(store: &Store, ids: &[BackupId]) -> Result<Vec<Backup>, Failure> {
    let rows = store.central().read(async |tx| {
        let mut rows = Vec::with_capacity(ids.len());
        for id in ids {
            rows.extend(backups::find(tx, *id).await?);
        }
        Ok::<_, chiliview_store::Error>(rows)
    });
    Ok(rows.await?)
}

async fn worker_lives(store: &Store) -> Result<bool, Failure> {
    let workers = store.central().read(async |tx| queue::workers(tx).await).await?;
    let now = store.clock().now();
    Ok(workers.iter().any(|worker| worker.is_alive(now, SILENT)))
}

/// Bytes for one backup, backups for many; nothing where no terminal is.
fn bar(count: usize, json: bool) -> ProgressBar {
    if json || !std::io::stderr().is_terminal() {
        return ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
    }
    let template = match count {
        1 => "{msg:24} [{bar:30}] {bytes}/{total_bytes}",
        _ => "{msg:24} [{bar:30}] {pos}/{len} backups",
    };
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(0).with_style(style.progress_chars("=> "))
}

fn draw(bar: &ProgressBar, rows: &[Backup]) {
    let size = |bytes: i64| u64::try_from(bytes).unwrap_or(0);
    if let [row] = rows {
        bar.set_length(row.total_bytes.map_or(0, size));
        bar.set_position(size(row.done_bytes));
        bar.set_message(row.phase.clone());
        return;
    }
    bar.set_length(rows.len() as u64);
    bar.set_position(rows.iter().filter(|row| row.status.is_terminal()).count() as u64);
    let at_work = rows.iter().find(|row| !row.status.is_terminal() && row.started_at.is_some());
    let name = at_work.map(|row| row.tenant_slug.clone().unwrap_or_else(|| "central".to_owned()));
    bar.set_message(name.unwrap_or_else(|| "waiting".to_owned()));
}
