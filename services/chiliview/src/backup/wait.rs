//! Waits for backups.

use chiliview_store::{
    BackupId, Store,
    backups::{self, Backup},
};
use indicatif::ProgressBar;

use crate::{exit::Failure, follow};

/// Waits until all have ended, one way or the other.
pub(super) async fn to_the_end(store: &Store, ids: &[BackupId], json: bool) -> Result<(), Failure> {
    // Bytes for one backup, backups for many.
    let template = match ids.len() {
        1 => "{msg:24} [{bar:30}] {bytes}/{total_bytes}",
        _ => "{msg:24} [{bar:30}] {pos}/{len} backups",
    };
    let bar = follow::bar(template, json);
    follow::warn_without_worker(store, &bar).await?;
    loop {
        let rows = read(store, ids).await?;
        draw(&bar, &rows);
        if rows.iter().all(|row| row.status.is_terminal()) {
            bar.finish_and_clear();
            return Ok(());
        }
        tokio::time::sleep(follow::EVERY).await;
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

fn draw(bar: &ProgressBar, rows: &[Backup]) {
    if let [row] = rows {
        return follow::draw(bar, &row.phase, row.done_bytes, row.total_bytes);
    }
    bar.set_length(rows.len() as u64);
    bar.set_position(rows.iter().filter(|row| row.status.is_terminal()).count() as u64);
    let at_work = rows.iter().find(|row| !row.status.is_terminal() && row.started_at.is_some());
    let name = at_work.map(|row| row.tenant_slug.clone().unwrap_or_else(|| "central".to_owned()));
    bar.set_message(name.unwrap_or_else(|| "waiting".to_owned()));
}
