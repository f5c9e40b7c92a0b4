//! What an older central database believes to be under way, ended: after it took the place of a newer one, nobody goes on
//! with it, and nothing may run a second time.

use crate::{
    clock::Timestamp,
    error::Result,
    ids::{BackupId, TenantId},
    queue::{self, NewJob, Work},
    seam::{Query, Tx},
};

/// How much was ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ended {
    /// Backups that had no snapshot yet.
    pub backups: u64,
    /// Restores.
    pub restores: u64,
    /// Runs of schedules.
    pub runs: u64,
    /// Notices on their way.
    pub deliveries: u64,
    /// Journeys of the fleet to a newer schema.
    pub migrations: u64,
    /// Jobs.
    pub jobs: u64,
    /// Log-in sessions.
    pub sessions: u64,
}

/// Ends everything that has not ended, for `reason`.
pub async fn end_all(tx: &mut Tx, reason: &str, at: Timestamp) -> Result<Ended> {
    let mut ended = Ended { jobs: queue::end_all(tx, reason).await?, ..Ended::default() };
    ended.backups = end(
        tx.query(
            "UPDATE backups SET status = 'failed', phase = 'failed', error = $1, finished_at = $2, updated_at = $2,
             version = version + 1
         WHERE status IN ('queued', 'running', 'verifying') AND manifest IS NULL",
        ),
        reason,
        at,
    )
    .await?;
    ended.restores = end(
        tx.query(
            "UPDATE restores SET status = 'failed', phase = 'failed', error = $1, finished_at = $2, updated_at = $2,
             version = version + 1
         WHERE status IN ('queued', 'running')",
        ),
        reason,
        at,
    )
    .await?;
    ended.runs = end(
        tx.query(
            "UPDATE schedule_runs SET status = 'failed', error = $1, finished_at = $2, updated_at = $2
         WHERE status IN ('queued', 'running')",
        ),
        reason,
        at,
    )
    .await?;
    ended.deliveries = end(
        tx.query(
            "UPDATE deliveries SET status = 'failed', error = $1, next_at = NULL, finished_at = $2, updated_at = $2
         WHERE status = 'queued'",
        ),
        reason,
        at,
    )
    .await?;
    ended.migrations = end(
        tx.query(
            "UPDATE fleet_migrations SET status = 'failed', error = $1, finished_at = $2, updated_at = $2
         WHERE status IN ('queued', 'running')",
        ),
        reason,
        at,
    )
    .await?;
    ended.sessions = tx.query("DELETE FROM sessions").execute().await?;
    Ok(ended)
}

async fn end(statement: Query<'_>, reason: &str, at: Timestamp) -> Result<u64> {
    statement.bind(reason.to_owned()).bind(at).execute().await
}

/// Keeps a tenant in the trash at least until `until`, and has it purged then: somebody may have taken it out of the trash
/// after the moment that the database remembers. False when it is not in the trash.
pub async fn keep_tenant(tx: &mut Tx, job: queue::JobId, id: TenantId, until: Timestamp) -> Result<bool> {
    let kept = tx
        .query(
            "UPDATE tenants SET purge_after = CASE WHEN purge_after > $2 THEN purge_after ELSE $2 END,
                 version = version + 1
             WHERE id = $1 AND deleted_at IS NOT NULL RETURNING purge_after",
        )
        .bind(id)
        .bind(until)
        .fetch_optional::<(Timestamp,)>()
        .await?;
    let Some((purge_after,)) = kept else { return Ok(false) };
    queue::enqueue(tx, &NewJob::new(job, Work::PurgeTenant { tenant: id }).at(purge_after)).await
}

/// As [`keep_tenant`], for a backup.
pub async fn keep_backup(tx: &mut Tx, job: queue::JobId, id: BackupId, until: Timestamp) -> Result<bool> {
    let kept = tx
        .query(
            "UPDATE backups SET purge_after = CASE WHEN purge_after > $2 THEN purge_after ELSE $2 END,
                 version = version + 1
             WHERE id = $1 AND deleted_at IS NOT NULL RETURNING purge_after",
        )
        .bind(id)
        .bind(until)
        .fetch_optional::<(Timestamp,)>()
        .await?;
    let Some((purge_after,)) = kept else { return Ok(false) };
    queue::enqueue(tx, &NewJob::new(job, Work::PurgeBackup { backup: id }).at(purge_after)).await
}
