//! Uploads over HTTP: a snapshot, or a bare database, from elsewhere becomes a backup of a tenant. A large one comes in
//! pieces, each where the last one ended, and goes on after any break, at whichever process.

mod arriving;
mod finishing;
mod memory;
mod piece;
mod shapes;

use std::time::Duration;

use chiliview_store::{
    audit::Event,
    tenants::Tenant,
    upload_pieces,
    uploads::{self as rows, Open, Upload},
};
use poem_openapi::{
    OpenApi,
    param::{Header, Path, Query},
};
use uuid::Uuid;

pub use self::shapes::{NewUpload, UploadInfo};
use self::{arriving::Arriving, memory::Memory, piece::Piece, shapes::show};
use crate::{
    app::App,
    backups::{BackupInfo, refuse_over_quota, sees},
    caller::Caller,
    json::{Accepted, Created, Json, NoContent},
    problem::{FieldError, Problem},
};

/// Between two pieces.
const PATIENCE: Duration = Duration::from_secs(24 * 3600);
/// From the first piece to the last.
const LONGEST: Duration = Duration::from_secs(7 * 24 * 3600);
/// Of one tenant, at once.
const MOST_OPEN: i64 = 20;
const FINISHED: &str = "the upload is a backup already";

/// The resource.
pub struct Uploads {
    app: App,
    memory: Memory,
}

#[OpenApi]
impl Uploads {
    /// Begin an upload
    ///
    /// Send the file in pieces by `PATCH`, then finish it: it becomes a backup of the tenant. Takes what a download gave, a
    /// bare SQLite file, and either of them encrypted for this installation.
    #[oai(path = "/uploads", method = "post", operation_id = "create_upload")]
    async fn create(&self, caller: Caller, input: Json<NewUpload>) -> Result<Created<UploadInfo>, Problem> {
        let upload = self.begin(&caller, input.0).await?;
        Ok(Created { location: format!("/api/uploads/{}", upload.id), etag: None, body: show(upload, 0) })
    }

    /// Read how far an upload has come
    #[oai(path = "/uploads/:upload", method = "get", operation_id = "get_upload")]
    async fn get(&self, caller: Caller, upload: Path<Uuid>) -> Result<Json<UploadInfo>, Problem> {
        let upload = self.find(&caller, upload.0).await?;
        let come = self.app.central().read(async |tx| upload_pieces::come(tx, upload.id).await).await?;
        Ok(Json(show(upload, u64::try_from(come.bytes).unwrap_or(0))))
    }

    /// Send a piece of an upload
    ///
    /// `Upload-Offset` says where it begins: where the last one ended. After a break, read how far the upload has come, and
    /// go on there.
    #[oai(path = "/uploads/:upload", method = "patch", operation_id = "append_upload")]
    async fn append(
        &self,
        caller: Caller,
        upload: Path<Uuid>,
        #[oai(name = "Upload-Offset")] offset: Header<u64>,
        piece: Piece,
    ) -> Result<Json<UploadInfo>, Problem> {
        caller.require_manager_change()?;
        let upload = self.open(&caller, upload.0).await?;
        let arriving = Arriving::at_the_end(&self.app, &self.memory, upload).await?;
        if arriving.bytes() != offset.0 {
            let detail = format!("the next piece begins at byte {}", arriving.bytes());
            return Err(Problem::conflict("offset_mismatch", detail));
        }
        let (upload, bytes) = arriving.take(piece).await?;
        Ok(Json(show(upload, bytes)))
    }

    /// Finish an upload
    ///
    /// The file is looked at by the worker, as something hostile. What holds becomes a verified backup; follow it like any
    /// other.
    #[oai(path = "/uploads/:upload/finish", method = "post", operation_id = "finish_upload")]
    async fn finish(&self, caller: Caller, upload: Path<Uuid>) -> Result<Accepted<BackupInfo>, Problem> {
        caller.require_manager_change()?;
        let upload = self.find(&caller, upload.0).await?;
        self.become_backup(&caller, upload).await
    }

    /// Give an upload up
    #[oai(path = "/uploads/:upload", method = "delete", operation_id = "delete_upload")]
    async fn delete(&self, caller: Caller, upload: Path<Uuid>) -> Result<NoContent, Problem> {
        caller.require_manager_write()?;
        let upload = self.open(&caller, upload.0).await?;
        self.forget(&upload).await?;
        Ok(NoContent)
    }

    /// Import a snapshot in one request
    ///
    /// The body is the file: `curl -T acme.db.zst`. For large files over a poor line, begin an upload instead.
    #[oai(path = "/backups/import", method = "post", operation_id = "import_backup")]
    async fn import(
        &self,
        caller: Caller,
        /// Whose backup it will be, by id or slug. A tenant's own manager may leave it out.
        tenant: Query<Option<String>>,
        /// Its SHA-256 in hex.
        sha256: Query<Option<String>>,
        /// Take a database that belonged to another tenant, or to another installation. For operators.
        adopt: Query<Option<bool>>,
        #[oai(name = "Content-Length")] length: Header<Option<i64>>,
        piece: Piece,
    ) -> Result<Accepted<BackupInfo>, Problem> {
        if let Some(text) = &sha256.0
            && shapes::hex_sha256(text, &()).is_err()
        {
            let detail = "must be a SHA-256 in lower-case hex";
            return Err(Problem::invalid_parameter(FieldError::new("/query/sha256", "invalid", detail)));
        }
        let Some(bytes) = length.0.filter(|bytes| *bytes > 0) else {
            return Err(Problem::bad_request("send the file with its Content-Length"));
        };
        let new =
            NewUpload { tenant: tenant.0, bytes, file_name: None, sha256: sha256.0, adopt: adopt.0 == Some(true) };
        let upload = self.begin(&caller, new).await?;
        let taken = self.take(&caller, &upload, piece).await;
        // What stays is given up with its time. One that became a backup, though nobody could be told so, is one.
        if taken.is_err()
            && let Err(problem) = self.forget(&upload).await
        {
            tracing::warn!(upload = %upload.id, code = problem.code(), "upload.not_forgotten");
        }
        taken
    }
}

impl Uploads {
    pub(crate) fn new(app: App) -> Self {
        Self { app, memory: Memory::default() }
    }

    async fn begin(&self, caller: &Caller, new: NewUpload) -> Result<Upload, Problem> {
        caller.require_manager_change()?;
        let tenant = self.tenant(caller, new.tenant.as_deref()).await?;
        if new.adopt {
            caller.require_operator()?;
        }
        self.refuse_too_long(new.bytes).await?;
        let now = self.app.now();
        let upload = Upload {
            id: self.app.store().ids().next(),
            tenant_id: tenant.id,
            file_name: new.file_name,
            total_bytes: new.bytes,
            sha256: new.sha256,
            adopt: i64::from(new.adopt),
            backup_id: None,
            requested_by: caller.label(),
            expires_at: now.plus(PATIENCE),
            created_at: now,
            identity: Some(arriving::fresh_key()?),
        };
        let row = upload.clone();
        let begun = self.app.central().write(async |tx| {
            refuse_over_quota(tx, &tenant).await?;
            refuse_too_many(rows::open(tx, row.tenant_id).await?, row.total_bytes, tenant.quota_bytes)?;
            rows::insert(tx, &row).await?;
            self.app.audit(tx, caller, Event::done("upload.create", "upload", row.id)).await
        });
        begun.await?;
        Ok(upload)
    }

    async fn tenant(&self, caller: &Caller, reference: Option<&str>) -> Result<Tenant, Problem> {
        match (reference, caller.own_tenant()) {
            (Some(reference), _) => Ok(self.app.living_tenant(caller, reference).await?.0),
            (None, Some(own)) => Ok(own.clone()),
            (None, None) => {
                let detail = "names the tenant whose backup it will be, by id or slug";
                Err(Problem::field("/tenant", "required", detail))
            }
        }
    }

    /// Before a byte is sent in vain.
    async fn refuse_too_long(&self, bytes: i64) -> Result<(), Problem> {
        let bytes = u64::try_from(bytes).unwrap_or(0);
        let most = self.app.policy().longest_upload;
        if bytes > most {
            return Err(Problem::payload_too_large(most));
        }
        if self.app.shelf().spare_bytes().await?.is_some_and(|spare| spare < bytes) {
            return Err(Problem::insufficient_storage());
        }
        Ok(())
    }

    async fn take(&self, caller: &Caller, upload: &Upload, piece: Piece) -> Result<Accepted<BackupInfo>, Problem> {
        let arriving = Arriving::at_the_end(&self.app, &self.memory, upload.clone()).await?;
        let (upload, _) = arriving.take(piece).await?;
        self.become_backup(caller, upload).await
    }

    /// An upload that the caller may see; everything foreign is a 404.
    async fn find(&self, caller: &Caller, id: Uuid) -> Result<Upload, Problem> {
        caller.require_manager_read()?;
        let now = self.app.now();
        let found = self.app.central().read(async |tx| rows::find(tx, id.into()).await).await?;
        let found = found.filter(|row| row.backup_id.is_some() || row.is_open(now));
        found.filter(|row| sees(caller, Some(row.tenant_id))).ok_or_else(|| Problem::not_found("upload"))
    }

    /// One that still grows.
    async fn open(&self, caller: &Caller, id: Uuid) -> Result<Upload, Problem> {
        let upload = self.find(caller, id).await?;
        if upload.backup_id.is_some() {
            return Err(Problem::conflict("upload_finished", FINISHED));
        }
        Ok(upload)
    }

    /// It is closed first, so that nothing comes to it any more, then its pieces go, then its row. What breaks off between is
    /// done by a worker, soon.
    async fn forget(&self, upload: &Upload) -> Result<(), Problem> {
        let (central, now) = (self.app.central(), self.app.now());
        let closed = central.write(async |tx| rows::close(tx, upload.id, now).await).await?;
        if !closed {
            return Err(Problem::conflict("upload_finished", FINISHED));
        }
        self.app.shelf().remove_upload(upload.id).await?;
        central.write(async |tx| rows::delete(tx, upload.id).await).await?;
        Ok(())
    }
}

/// What is under way counts against what the tenant's backups may take, before it is one of them.
fn refuse_too_many(open: Open, bytes: i64, quota: Option<i64>) -> Result<(), Problem> {
    if open.uploads >= MOST_OPEN {
        let detail = format!("{MOST_OPEN} uploads of the tenant are under way; finish some or give them up");
        return Err(Problem::conflict("too_many_uploads", detail));
    }
    if quota.is_some_and(|quota| open.bytes.saturating_add(bytes) > quota) {
        let detail = "with this one, the tenant's uploads would take more room than its backups may";
        return Err(Problem::conflict("quota_exceeded", detail));
    }
    Ok(())
}

fn total(upload: &Upload) -> u64 {
    u64::try_from(upload.total_bytes).unwrap_or(0)
}
