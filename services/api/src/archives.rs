//! Several backups as one tar: each snapshot with its manifest and its certificate, laid out as on the shelf, so that what
//! was unpacked can be restored from like a shelf.
//!
//! What is in it and in which order is fixed by what was asked for. So its length is known before the first byte is sent, and
//! a download that broke is resumed by range like any other.

mod tape;

use std::collections::{BTreeSet, HashMap};

use bytes::Bytes;
use chiliview_snapshot::ArtefactKey;
use chiliview_store::{
    BackupId, Timestamp,
    audit::Event,
    backups::{self as rows, Backup},
};
use poem::{Body, Request};
use poem_openapi::{OpenApi, param::Query};
use sha2::{Digest as _, Sha256};

use self::tape::Tape;
use crate::{
    app::App,
    backups::{
        self,
        download::{self, Download, TAR},
    },
    caller::Caller,
    certificates,
    problem::{FieldError, Problem},
    ranges::{self, Content},
};

/// Each is a file that stays open until all is sent.
pub(crate) const MOST: usize = 50;

/// The resource.
pub struct Archives {
    app: App,
}

#[OpenApi]
impl Archives {
    /// Download several verified backups as one tar
    ///
    /// For each its snapshot, its manifest and its certificate, in folders as on the shelf. Of one that is `unchanged` the
    /// older one comes that it is the same as. `Content-Length` is exact, and a part is sent on request: what broke is
    /// resumed with `Range` and `If-Range`.
    #[oai(path = "/backup-archive", method = "get", operation_id = "download_backup_archive")]
    async fn download(
        &self,
        caller: Caller,
        request: &Request,
        /// Their ids, separated by commas; at most 50.
        backups: Query<String>,
    ) -> Result<Download, Problem> {
        caller.require_manager_read()?;
        let ids = ids(&backups.0)?;
        serve(&self.app, &caller, request, &ids).await
    }
}

impl Archives {
    pub(crate) fn new(app: App) -> Self {
        Self { app }
    }
}

fn ids(text: &str) -> Result<Vec<BackupId>, Problem> {
    let wrong = |detail: &str| Problem::invalid_parameter(FieldError::new("/query/backups", "invalid", detail));
    let ids: Result<Vec<BackupId>, _> = text.split(',').map(|id| id.trim().parse()).collect();
    match ids {
        Ok(ids) if ids.len() <= MOST => Ok(ids),
        Ok(_) => Err(wrong(&format!("names more than {MOST} backups"))),
        Err(_) => Err(wrong("must be ids of backups, separated by commas")),
    }
}

/// The backups whose snapshots are sent: each that was asked for may be downloaded by the caller, and is verified.
pub(crate) async fn chosen(app: &App, caller: &Caller, ids: &[BackupId]) -> Result<Vec<Backup>, Problem> {
    caller.require_manager_read()?;
    let rows = rows_of(app, ids).await?;
    let mut chosen = Vec::with_capacity(ids.len());
    let mut seen = BTreeSet::new();
    for id in ids {
        let named = |problem: Problem| {
            let detail = format!("backup {id}: {problem}");
            problem.detail(detail)
        };
        let asked = rows.get(id).filter(|row| backups::sees(caller, row.tenant_id));
        let asked = asked.ok_or_else(|| named(Problem::not_found("backup")))?;
        download::may_download(caller, asked).map_err(named)?;
        let source = rows.get(&asked.same_as.unwrap_or(asked.id));
        let source = source.filter(|source| source.deleted_at.is_none() && asked.deleted_at.is_none());
        let source = source.ok_or_else(|| named(Problem::conflict("backup_deleted", "it is in the trash")))?;
        backups::verified(source).map_err(named)?;
        if seen.insert(source.id) {
            chosen.push(source.clone());
        }
    }
    chosen.sort_by_key(|row| row.id);
    Ok(chosen)
}

/// What was asked for, and the older ones that it may be the same as.
async fn rows_of(app: &App, ids: &[BackupId]) -> Result<HashMap<BackupId, Backup>, Problem> {
    let found = app.central().read(async |tx| {
        let mut found = rows::find_all(tx, ids).await?;
        let same: Vec<BackupId> = found.iter().filter_map(|row| row.same_as).collect();
        found.extend(rows::find_all(tx, &same).await?);
        Ok::<_, Problem>(found)
    });
    Ok(found.await?.into_iter().map(|row| (row.id, row)).collect())
}

/// Answers a download, and says so in the audit log, once for each backup.
pub(crate) async fn serve(
    app: &App,
    caller: &Caller,
    request: &Request,
    ids: &[BackupId],
) -> Result<Download, Problem> {
    let chosen = chosen(app, caller, ids).await?;
    let mut tape = Tape::default();
    let mut tag = Sha256::new();
    for row in &chosen {
        record(app, row, &mut tape, &mut tag).await?;
    }
    let tape = tape.end();
    app.central()
        .write(async |tx| {
            for row in &chosen {
                app.audit(tx, caller, Event::done("backup.download", "backup", row.id)).await?;
            }
            Ok::<_, Problem>(())
        })
        .await?;
    let newest = chosen.iter().map(|row| row.created_at).max().unwrap_or_default();
    let content = Content {
        length: tape.length(),
        etag: format!("\"{}\"", hex::encode(tag.finalize())),
        last_modified: None,
        content_type: TAR,
        file_name: format!("backups-{}.tar", newest.to_datetime().format("%Y%m%dT%H%M%SZ")),
        sha256: None,
    };
    let body = |span: ranges::Span| Body::from_bytes_stream(tape.part(span));
    Ok(Download::of(ranges::serve(request.method(), request.headers(), &content, body)))
}

/// One backup's three files. `tag` takes in whatever decides a byte of them.
async fn record(app: &App, row: &Backup, tape: &mut Tape, tag: &mut Sha256) -> Result<(), Problem> {
    let key = ArtefactKey::of_backup(row);
    let artefact = app.shelf().open(&key).await?;
    download::described(row, &artefact)?;
    let manifest = Bytes::from(backups::verified(row)?.to_owned());
    // Issued at the moment of the proof, so that the same tar comes out each time.
    let certificate = Bytes::from(certificates::issue(app, row, row.proven_at.map(Timestamp::to_datetime)).await?);
    let (folder, at) = (key.folder(), row.created_at);
    tag.update(key.to_string());
    tag.update(row.stored_sha256.as_deref().unwrap_or_default());
    tag.update(&manifest);
    tag.update(&certificate);
    tape.artefact(&format!("{folder}/{}", key.artefact_file()), at, artefact).map_err(Problem::internal)?;
    tape.bytes(&format!("{folder}/{}", key.manifest_file()), at, manifest).map_err(Problem::internal)?;
    let name = format!("{folder}/{}.certificate.json", row.id);
    tape.bytes(&name, at, certificate).map_err(Problem::internal)
}
