//! One piece of an upload, on its way from a request's body into the file.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use chiliview_store::{Error, room::Sparing};
use http_body_util::{BodyExt, combinators::BoxBody};
use poem::{Body, Request, RequestBody};
use poem_openapi::{
    ApiExtractor, ApiExtractorType, ExtractParamOptions,
    payload::{Binary, Payload},
    registry::{MetaMediaType, MetaRequest, Registry},
};
use tokio::io::AsyncWriteExt;

use crate::{
    edge::body::{self, BodyLimit},
    problem::Problem,
};

/// A body of bytes, not read yet: the handler first makes sure that the caller may.
pub(crate) struct Piece {
    body: Body,
    limit: Option<BodyLimit>,
}

/// The file of an upload, for one writer alone.
pub(super) struct Arriving {
    path: PathBuf,
    file: File,
    length: u64,
}

impl Arriving {
    /// Opens the file, making it when it is missing. A piece that is still being written keeps others out.
    pub(super) fn open(path: &Path) -> Result<Self, Problem> {
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).append(true).mode(0o600);
        let file = options.open(path).map_err(Error::io("open", path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Problem::conflict("upload_busy", "another piece of this upload is still being written"));
            }
            Err(TryLockError::Error(error)) => return Err(Error::io("lock", path)(error).into()),
        }
        let length = file.metadata().map_err(Error::io("look at", path))?.len();
        Ok(Self { path: path.to_owned(), file, length })
    }

    /// How much is there.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Appends the piece, `room` bytes at the most, and answers how much is there then. What came of a piece that broke off
    /// stays: the client asks how far it got, and goes on there.
    pub(super) async fn append(self, piece: Piece, room: u64) -> Result<u64, Problem> {
        if let Some(limit) = &piece.limit {
            limit.raise(room);
        }
        let mut file = tokio::fs::File::from_std(self.file);
        let copied = copy(piece.body.into(), &mut file, &self.path, room).await;
        let synced = file.sync_all().await.map_err(Error::io("sync", &self.path));
        let copied = copied?;
        synced?;
        Ok(self.length + copied)
    }
}

async fn copy(
    mut body: BoxBody<Bytes, io::Error>,
    file: &mut tokio::fs::File,
    path: &Path,
    room: u64,
) -> Result<u64, Problem> {
    let mut copied = 0;
    let mut sparing = Sparing::new(path);
    let failed = || Error::io("write", path);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| body::refusal(&error));
        let data = match frame {
            Ok(frame) => frame.into_data().unwrap_or_default(),
            Err(refused) => {
                file.flush().await.map_err(failed())?;
                return Err(refused);
            }
        };
        copied += data.len() as u64;
        if copied > room {
            file.flush().await.map_err(failed())?;
            return Err(Problem::payload_too_large(room));
        }
        if let Err(error) = sparing.take(data.len()) {
            file.flush().await.map_err(failed())?;
            return Err(failed()(error).into());
        }
        file.write_all(&data).await.map_err(failed())?;
    }
    file.flush().await.map_err(failed())?;
    Ok(copied)
}

/// How much of an upload is there.
pub(super) fn length(path: &Path) -> Result<u64, Problem> {
    match std::fs::metadata(path) {
        Ok(meta) => Ok(meta.len()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
        Err(error) => Err(Error::io("look at", path)(error).into()),
    }
}

/// Removes the file of an upload that is no more.
pub(super) fn remove(path: &Path) -> Result<(), Problem> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::io("remove", path)(error).into()),
        _ => Ok(()),
    }
}

impl<'a> ApiExtractor<'a> for Piece {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];

    type ParamType = ();
    type ParamRawType = ();

    fn register(_registry: &mut Registry) {}

    fn request_meta() -> Option<MetaRequest> {
        let media =
            MetaMediaType { content_type: Binary::<Bytes>::CONTENT_TYPE, schema: Binary::<Bytes>::schema_ref() };
        Some(MetaRequest {
            description: Some("The bytes, under any Content-Type"),
            content: vec![media],
            required: true,
        })
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        Ok(Self { body: body.take()?, limit: request.data::<BodyLimit>().cloned() })
    }
}
