//! A backup that is asked for: its row and its job.

use chiliview_store::{
    Ids, Result, Tx,
    backups::{self, BackupStatus, New},
    queue::{self, NewJob, Work},
    reason::{Cause, Reason},
    tenants::Tenant,
};

use crate::over_quota;

/// Adds the row and its job, which `when` may put off. Of a tenant that may have no more, the row ends at once and there is no
/// job: then the reason is returned.
///
/// # Errors
/// Whatever the store says.
pub async fn order(
    tx: &mut Tx,
    ids: Ids,
    new: &New,
    tenant: Option<&Tenant>,
    when: impl FnOnce(NewJob) -> NewJob,
) -> Result<Option<Reason>> {
    backups::insert(tx, new).await?;
    let over = match tenant {
        Some(tenant) => over_quota(tx, tenant).await?,
        None => None,
    };
    if let Some(words) = over {
        let reason = Reason::new(Cause::Quota, words);
        backups::end(tx, new.id, BackupStatus::Failed, &reason, new.at).await?;
        return Ok(Some(reason));
    }
    queue::enqueue(tx, &when(NewJob::new(ids.next(), Work::BackUp { backup: new.id }))).await?;
    Ok(None)
}
