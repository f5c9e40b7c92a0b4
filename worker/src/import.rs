//! An uploaded file as the source of a backup: read from its pieces on the shelf, unpacked, looked at as something hostile,
//! and of the right owner.

use std::path::{Path, PathBuf};

use chiliview_snapshot::{
    Adopted, Adoption, DigestError, Error as SnapshotError, Piece, PieceKey, Schema, Source, Uploaded, Watch, adopt,
    schema_of,
};
use chiliview_store::{
    BackupId, Error, TenantId, UploadId,
    backups::{self, Backup},
    data_dir,
    error::with_causes,
    migrations::{self, Kind},
    sqlite::{File, Missing},
    tenant_settings,
    upload_pieces::{self, UploadPiece},
    uploads::{self, Upload},
};

use crate::{backup::Failure, context::Context};

/// No imported database may be larger. What an upload expands to is bounded by the disk before this.
const LARGEST: u64 = 256 << 30;

/// A database that came from outside, until the backup of it has ended.
pub(crate) struct Import {
    folder: PathBuf,
    path: PathBuf,
}

impl Import {
    /// What the backup reads.
    pub(crate) fn source(&self) -> Source {
        Source::Sqlite(self.path.clone())
    }
}

impl Drop for Import {
    fn drop(&mut self) {
        if let Err(error) = data_dir::remove_tree(&self.folder) {
            // The next attempt, or housekeeping, removes it.
            tracing::warn!(%error, "import.not_removed");
        }
    }
}

/// Takes the file in. What is wrong with it ends the backup: no other attempt would find it better.
pub(crate) async fn take_in(
    context: &Context,
    backup: &Backup,
    upload: UploadId,
    watch: &Watch,
) -> Result<Import, Failure> {
    let found = context
        .store
        .central()
        .read(async |tx| Ok::<_, Error>((uploads::find(tx, upload).await?, upload_pieces::all(tx, upload).await?)))
        .await?;
    let ((Some(row), pieces), Some(tenant)) = (found, backup.tenant_id) else {
        return Err(Failure::Refused("the uploaded file is not there any more".to_owned()));
    };
    let uploaded = uploaded(context, &row, &pieces)?;
    let import = folder(context, backup)?;
    let request = Adoption {
        upload: uploaded,
        to: import.path.clone(),
        max_plain_bytes: LARGEST,
        accepted: schemas(&import.folder).await?,
        identities: context.config.identities.clone(),
    };
    let adopted = adopt(request, watch).await.map_err(refused)?;
    fail::fail_point!("worker.import_adopted", |_| Err(SnapshotError::Cancelled.into()));
    settle_owner(context, &adopted, tenant, row.adopt != 0).await?;
    fail::fail_point!("worker.import_taken_in", |_| Err(SnapshotError::Cancelled.into()));
    Ok(import)
}

/// The file, as its pieces make it.
fn uploaded(context: &Context, row: &Upload, pieces: &[UploadPiece]) -> Result<Uploaded, Failure> {
    let Some(identity) = &row.identity else {
        let words = "the file was uploaded to a version before this one, which kept it elsewhere: upload it again";
        return Err(Failure::Refused(words.to_owned()));
    };
    let key = identity.0.reveal().parse();
    let key = key.map_err(|_| Failure::Refused("the key of the uploaded file cannot be read".to_owned()))?;
    let strange = |_: DigestError| Failure::Refused("the list of the uploaded file's pieces cannot be read".to_owned());
    let number = |value: i64| u64::try_from(value).unwrap_or(0);
    let pieces = pieces.iter().map(|piece| {
        let key = PieceKey::of(piece.upload_id, piece.object);
        let sha256 = piece.sha256.parse().map_err(strange)?;
        Ok(Piece { key, first_byte: number(piece.first_byte), bytes: number(piece.bytes), sha256 })
    });
    Ok(Uploaded {
        shelf: context.shelf.clone(),
        key,
        pieces: pieces.collect::<Result<_, Failure>>()?,
        bytes: number(row.total_bytes),
        sha256: row.sha256.as_deref().map(str::parse).transpose().map_err(strange)?,
    })
}

/// A directory of this attempt's own, so that one who was overtaken removes nothing but his. What attempts before this one left
/// is gone.
fn folder(context: &Context, backup: &Backup) -> Result<Import, Error> {
    for (name, id, attempt) in folders(context)? {
        if id == backup.id && attempt <= backup.attempt {
            data_dir::remove_tree(&context.scratch().join(name))?;
        }
    }
    let folder = context.scratch().join(format!("import-{}.{}", backup.id, backup.attempt));
    data_dir::create_private(&folder)?;
    let path = folder.join("reseller.db");
    Ok(Import { folder, path })
}

/// Those that there are, whose backups and attempts; versions before had one for all attempts.
fn folders(context: &Context) -> Result<Vec<(String, BackupId, i64)>, Error> {
    let parent = context.scratch();
    let mut found = Vec::new();
    for entry in std::fs::read_dir(&parent).map_err(Error::io("read", &parent))? {
        let name = entry.map_err(Error::io("read", &parent))?.file_name();
        let Some(name) = name.to_str() else { continue };
        let Some(rest) = name.strip_prefix("import-") else { continue };
        let (id, attempt) = rest.split_once('.').unwrap_or((rest, "0"));
        if let (Ok(id), Ok(attempt)) = (id.parse(), attempt.parse()) {
            found.push((name.to_owned(), id, attempt));
        }
    }
    Ok(found)
}

/// Removes what killed processes left of imports that are over.
pub(crate) async fn sweep(context: &Context) -> Result<(), Error> {
    for (name, id, _) in folders(context)? {
        let backup = context.store.central().read(async |tx| backups::find(tx, id).await).await?;
        if backup.is_none_or(|backup| backup.status.is_terminal()) {
            data_dir::remove_tree(&context.scratch().join(&name))?;
            tracing::info!(backup = %id, name, "import.leftover_removed");
        }
    }
    Ok(())
}

/// What each released version of ChiliView makes.
async fn schemas(folder: &Path) -> Result<Vec<Schema>, Failure> {
    let mut all = Vec::new();
    for version in migrations::versions(Kind::Tenant) {
        let path = folder.join(format!("schema-{version}.db"));
        migrations::make_empty(&path, Kind::Tenant, version).await?;
        all.push(schema_of(&path).await?);
    }
    Ok(all)
}

/// Faults of the file are told as such; everything else may be better at the next attempt.
fn refused(error: SnapshotError) -> Failure {
    match error {
        SnapshotError::Damaged(_) | SnapshotError::Refused(_) | SnapshotError::NoIdentity { .. } => {
            Failure::Refused(format!("the uploaded file is not taken: {}", with_causes(&error)))
        }
        other => Failure::Snapshot(other),
    }
}

async fn settle_owner(context: &Context, adopted: &Adopted, tenant: TenantId, adopt: bool) -> Result<(), Failure> {
    if adopted.owner_in_file == Some(tenant.uuid()) {
        return Ok(());
    }
    if !adopt {
        return Err(Failure::Refused(match adopted.owner_in_file {
            Some(other) => {
                format!("the database in the uploaded file is that of the tenant {other}: an operator may adopt it")
            }
            None => "the database in the uploaded file does not say whose it is: an operator may adopt it".to_owned(),
        }));
    }
    let file = File::open(&adopted.path, Missing::Refuse, Kind::Tenant, 1).await?;
    let database = chiliview_store::Database::Sqlite(file.clone());
    let now = context.now();
    let settled = database.write(async |tx| tenant_settings::set_owner(tx, tenant, now).await).await;
    file.close().await;
    Ok(settled?)
}
