//! How a complete upload becomes a backup: once, whoever asks and however often.

use chiliview_store::{
    BackupId, Tx,
    audit::Event,
    backups::{self, New, Origin},
    queue::{self, NewJob, Work},
    tenants::Tenant,
    upload_pieces,
    uploads::{self as rows, Upload},
};

use super::Uploads;
use crate::{
    backups::{BackupInfo, refuse_over_quota, show as show_backup},
    caller::Caller,
    json::Accepted,
    problem::Problem,
};

impl Uploads {
    /// The row, its job and its line in the audit log: together or not at all. Asked again, the first answer again.
    pub(super) async fn become_backup(&self, caller: &Caller, upload: Upload) -> Result<Accepted<BackupInfo>, Problem> {
        let tenant = self.app.living_tenant(caller, &upload.tenant_id.to_string()).await?.0;
        let made = self.app.central().write(async |tx| {
            let current = rows::find(tx, upload.id).await?.ok_or_else(|| Problem::not_found("upload"))?;
            let id = match current.backup_id {
                Some(id) => id,
                None => self.enqueue(tx, caller, &current, tenant).await?,
            };
            backups::find(tx, id).await?.ok_or_else(|| Problem::not_found("backup"))
        });
        let backup = made.await?;
        self.app.wake_worker();
        Ok(Accepted { location: format!("/api/backups/{}", backup.id), body: show_backup(backup) })
    }

    async fn enqueue(
        &self,
        tx: &mut Tx,
        caller: &Caller,
        upload: &Upload,
        tenant: Tenant,
    ) -> Result<BackupId, Problem> {
        let come = upload_pieces::come(tx, upload.id).await?;
        if come.bytes != upload.total_bytes {
            let detail = format!("{} of {} bytes are here", come.bytes, upload.total_bytes);
            return Err(Problem::conflict("upload_incomplete", detail));
        }
        refuse_over_quota(tx, &tenant).await?;
        let (ids, now) = (self.app.store().ids(), self.app.now());
        let id: BackupId = ids.next();
        let new = New {
            id,
            tenant: Some((tenant.id, tenant.slug)),
            origin: Origin::Import,
            run: None,
            requested_by: caller.label(),
            trace_id: caller.origin.trace_id.clone(),
            at: now,
        };
        backups::insert(tx, &new).await?;
        if !rows::complete(tx, upload.id, id, now).await? {
            return Err(Problem::not_found("upload"));
        }
        queue::enqueue(tx, &NewJob::new(ids.next(), Work::Import { backup: id, upload: upload.id })).await?;
        self.app.audit(tx, caller, Event::done("backup.import", "backup", id)).await?;
        Ok(id)
    }
}
