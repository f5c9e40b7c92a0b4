//! A piece of an upload as a request brings it: read as it comes, no more at once than its reader has room for.

use std::io;

use bytes::Bytes;
use http_body_util::{BodyExt, combinators::BoxBody};
use poem::{Body, Request, RequestBody};
use poem_openapi::{
    ApiExtractor, ApiExtractorType, ExtractParamOptions,
    payload::{Binary, Payload},
    registry::{MetaMediaType, MetaRequest, Registry},
};

use crate::{
    edge::body::{self, BodyLimit},
    problem::Problem,
};

/// A body of bytes, not read yet: the handler first makes sure that the caller may.
pub(crate) struct Piece {
    body: Body,
    limit: Option<BodyLimit>,
}

/// The bytes of a piece, in order.
pub(super) struct Coming {
    body: BoxBody<Bytes, io::Error>,
    /// Of the last frame, what its reader had no room for.
    rest: Bytes,
    limit: u64,
    left: u64,
}

impl Piece {
    /// Reads it, `limit` bytes at the most.
    pub(super) fn read(self, limit: u64) -> Coming {
        if let Some(allowed) = &self.limit {
            allowed.raise(limit);
        }
        Coming { body: self.body.into(), rest: Bytes::new(), limit, left: limit }
    }
}

impl Coming {
    /// How much may still come.
    pub(super) fn left(&self) -> u64 {
        self.left + self.rest.len() as u64
    }

    /// What comes next, `most` bytes of it at the most; nothing at the end. Nothing is lost when the future is dropped.
    pub(super) async fn next(&mut self, most: usize) -> Result<Option<Bytes>, Problem> {
        while self.rest.is_empty() {
            let Some(frame) = self.body.frame().await else { return Ok(None) };
            let data = frame.map_err(|error| body::refusal(&error))?.into_data().unwrap_or_default();
            let left = self.left.checked_sub(data.len() as u64);
            self.left = left.ok_or_else(|| Problem::payload_too_large(self.limit))?;
            self.rest = data;
        }
        Ok(Some(self.rest.split_to(most.min(self.rest.len()))))
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
