//! One verified backup's artefact, sent whole or in part to somebody who may have it.

use chiliview_snapshot::{Artefact, ArtefactKey, Error};
use chiliview_store::{audit::Event, backups::Backup};
use poem::{Body, IntoResponse, Request, Response};
use poem_openapi::{
    ApiResponse,
    registry::{MetaMediaType, MetaResponse, MetaResponses, MetaSchema, MetaSchemaRef, Registry},
};

use super::verified;
use crate::{
    app::App,
    caller::Caller,
    problem::Problem,
    ranges::{self, Content},
};

const ZSTD: &str = "application/zstd";
/// Several backups in one file.
pub(crate) const TAR: &str = "application/x-tar";
const BYTES: &str = "application/octet-stream";

/// The artefact, whole or in part.
pub struct Download(Response);

/// Answers a download, and says so in the audit log.
pub(crate) async fn serve(app: &App, caller: &Caller, request: &Request, row: &Backup) -> Result<Download, Problem> {
    may_download(caller, row)?;
    verified(row)?;
    let artefact = opened(app, row).await?;
    let content = described(row, &artefact)?;
    let event = Event::done("backup.download", "backup", row.id);
    app.central().write(async |tx| app.audit(tx, caller, event).await).await?;
    let body = |span: ranges::Span| Body::from_bytes_stream(artefact.range(span.start..span.start + span.length));
    Ok(Download(ranges::serve(request.method(), request.headers(), &content, body)))
}

/// One that is older than the shelf and not on it lies elsewhere.
async fn opened(app: &App, row: &Backup) -> Result<Artefact, Problem> {
    let key = ArtefactKey::of_backup(row);
    match app.shelf().open(&key).await {
        Err(Error::NotFound(_)) => match app.shelf().begun().await? {
            Some(begun) if row.created_at < begun.into() => Err(Error::Elsewhere { key, begun }.into()),
            _ => Err(Error::NotFound(key).into()),
        },
        opened => Ok(opened?),
    }
}

/// Who downloads a backup has everything that is in it, hashes of passwords too.
pub(crate) fn may_download(caller: &Caller, row: &Backup) -> Result<(), Problem> {
    match row.tenant_id {
        Some(_) => caller.require_manager_write(),
        None => caller.require_owner(),
    }
}

/// What a verified backup's artefact is sent as, if it is as long as it was when it was proven.
pub(crate) fn described(row: &Backup, artefact: &Artefact) -> Result<Content, Problem> {
    let hash = row.stored_sha256.clone().unwrap_or_default();
    let stored = row.stored_bytes.and_then(|bytes| u64::try_from(bytes).ok());
    if stored != Some(artefact.len()) {
        tracing::error!(backup = %row.id, expected = ?stored, found = artefact.len(), "backup.size_differs");
        return Err(Problem::conflict("damaged", "the snapshot on the shelf has another size than when it was proven"));
    }
    let mut sha256 = [0; 32];
    hex::decode_to_slice(&hash, &mut sha256).map_err(Problem::internal)?;
    let slug = row.tenant_slug.as_deref().unwrap_or("central");
    let day = row.created_at.to_datetime().format("%Y%m%dT%H%M%SZ");
    let (content_type, ending) = if row.encrypted != 0 { (BYTES, ".age") } else { (ZSTD, "") };
    Ok(Content {
        length: artefact.len(),
        etag: format!("\"{hash}\""),
        last_modified: Some(artefact.modified()),
        content_type,
        file_name: format!("{slug}-{day}.db.zst{ending}"),
        sha256: Some(sha256),
    })
}

impl Download {
    pub(crate) fn of(response: Response) -> Self {
        Self(response)
    }
}

impl IntoResponse for Download {
    fn into_response(self) -> Response {
        self.0
    }
}

impl ApiResponse for Download {
    fn meta() -> MetaResponses {
        let schema = MetaSchemaRef::Inline(Box::new(MetaSchema::new_with_format("string", "binary")));
        let media = |content_type| MetaMediaType { content_type, schema: schema.clone() };
        let answer = |status, description| MetaResponse {
            description,
            status: Some(status),
            status_range: None,
            content: vec![media(ZSTD), media(BYTES), media(TAR)],
            headers: vec![],
        };
        MetaResponses { responses: vec![answer(200, "All of it"), answer(206, "The part that was asked for")] }
    }

    fn register(_registry: &mut Registry) {}
}
