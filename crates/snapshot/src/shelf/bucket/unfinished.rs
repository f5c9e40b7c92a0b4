//! Uploads that nobody has completed: what a killed writer leaves. A server keeps them, and their price, until somebody
//! ends them.
//!
//! The store's own client cannot list them, nor names by their beginning, so these requests are made here.

use chrono::{DateTime, TimeDelta, Utc};
use http::{Method, Request, header};
use object_store::aws::AwsAuthorizer;
use object_store::client::{HttpRequestBody, HttpResponse};
use object_store::multipart::MultipartStore as _;
use object_store::path::Path;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::time::sleep;
use url::Url;

use crate::error::Error;

use super::{Bucket, transport, trouble};

/// Nobody writes one snapshot for longer.
const ALIVE: TimeDelta = TimeDelta::hours(24);

/// A page of a thousand names is far below.
const ANSWER_BYTES: usize = 8 << 20;
/// A million uploads.
const PAGES: usize = 1000;

/// An upload that was begun.
#[derive(Clone, Debug)]
pub(super) struct Unfinished {
    pub(super) path: Path,
    id: String,
    /// Whether its writer may still live.
    pub(super) alive: bool,
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListMultipartUploads.html>
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Uploads {
    #[serde(default, rename = "Upload")]
    uploads: Vec<Begun>,
    #[serde(default)]
    is_truncated: bool,
    next_key_marker: Option<String>,
    next_upload_id_marker: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Begun {
    key: String,
    upload_id: String,
    initiated: DateTime<Utc>,
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html>
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Names {
    #[serde(default)]
    contents: Vec<Named>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Named {
    key: String,
}

/// As above, asked with a delimiter.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Folders {
    #[serde(default)]
    common_prefixes: Vec<Folder>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Folder {
    prefix: String,
}

impl Bucket {
    /// The uploads under way of names that begin so.
    pub(super) async fn unfinished(&self, beginning: &str) -> Result<Vec<Unfinished>, Error> {
        let (mut found, mut key, mut id) = (Vec::new(), String::new(), String::new());
        for _ in 0..PAGES {
            let mut query = vec![("uploads", ""), ("prefix", beginning)];
            if !key.is_empty() {
                query.extend([("key-marker", key.as_str()), ("upload-id-marker", id.as_str())]);
            }
            let (page, now): (Uploads, _) = self.ask(&query).await?;
            found.extend(page.uploads.into_iter().filter_map(|begun| {
                let alive = now.is_none_or(|now| now - begun.initiated < ALIVE);
                Some(Unfinished { path: Path::parse(&begun.key).ok()?, id: begun.upload_id, alive })
            }));
            match (page.is_truncated, page.next_key_marker) {
                (true, Some(next)) => (key, id) = (next, page.next_upload_id_marker.unwrap_or_default()),
                _ => break,
            }
        }
        Ok(found)
    }

    /// Ends an upload; one that is over already is no error.
    pub(super) async fn end(&self, upload: &Unfinished) -> Result<(), Error> {
        self.abort(&upload.path, &upload.id).await
    }

    pub(super) async fn abort(&self, path: &Path, id: &str) -> Result<(), Error> {
        match self.store().abort_multipart(path, &id.to_owned()).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.failed("end the upload of", path, &error)),
        }
    }

    /// The names of a thousand objects at most that begin so.
    pub(super) async fn names(&self, beginning: &str) -> Result<Vec<String>, Error> {
        let (names, _): (Names, _) = self.ask(&[("list-type", "2"), ("prefix", beginning)]).await?;
        Ok(names.contents.into_iter().map(|named| named.key).collect())
    }

    /// The folders right below `beginning`, in order, behind `after`; a thousand at most.
    pub(super) async fn folders(&self, beginning: &str, after: Option<String>) -> Result<Vec<String>, Error> {
        let mut query = vec![("list-type", "2"), ("prefix", beginning), ("delimiter", "/")];
        query.extend(after.as_deref().map(|after| ("start-after", after)));
        let (folders, _): (Folders, _) = self.ask(&query).await?;
        Ok(folders.common_prefixes.into_iter().map(|folder| folder.prefix).collect())
    }

    /// Asks the bucket itself; the answer, and what time it is there.
    async fn ask<T: DeserializeOwned>(&self, query: &[(&str, &str)]) -> Result<(T, Option<DateTime<Utc>>), Error> {
        let failed = |error: &(dyn std::error::Error + 'static)| trouble::explain("list", self.to_string(), error);
        let response = self.answer(query).await?;
        let date = response.headers().get(header::DATE).and_then(|date| date.to_str().ok());
        let now = date.and_then(|date| DateTime::parse_from_rfc2822(date).ok()).map(|date| date.to_utc());
        let status = response.status();
        let text = transport::text(response, ANSWER_BYTES).await.map_err(|error| failed(&error))?;
        if !status.is_success() {
            return Err(failed(&Answered(format!("Server returned non-2xx status code: {status}: {text}"))));
        }
        let read = quick_xml::de::from_str(&text).map_err(|error| failed(&Answered(error.to_string())))?;
        Ok((read, now))
    }

    /// Tries again, as the store does, when the server fails or breaks off.
    async fn answer(&self, query: &[(&str, &str)]) -> Result<HttpResponse, Error> {
        let patience = self.settings().patience;
        let mut pause = std::time::Duration::from_millis(100);
        for _ in 0..patience.retries {
            match self.client().execute(self.request(query).await?).await {
                Ok(response) if !response.status().is_server_error() => return Ok(response),
                _ => sleep(pause).await,
            }
            pause *= 2;
        }
        let last = self.client().execute(self.request(query).await?).await;
        last.map_err(|error| trouble::explain("list", self.to_string(), &error))
    }

    async fn request(&self, query: &[(&str, &str)]) -> Result<Request<HttpRequestBody>, Error> {
        let failed =
            |error: &(dyn std::error::Error + 'static)| trouble::explain("sign a request to", self.to_string(), error);
        let mut url = Url::parse(&self.settings().url()).map_err(|error| failed(&error))?;
        // A signature covers the query in order of its names.
        let mut query = query.to_vec();
        query.sort_unstable();
        url.query_pairs_mut().extend_pairs(query);
        let mut request = Request::new(HttpRequestBody::empty());
        *request.method_mut() = Method::GET;
        *request.uri_mut() = url.as_str().parse().map_err(|error: http::uri::InvalidUri| failed(&error))?;
        let credential = self.store().credentials().get_credential().await.map_err(|error| failed(&error))?;
        let authorizer = AwsAuthorizer::new(&credential, "s3", &self.settings().region);
        authorizer.try_authorize(&mut request, None).map_err(|error| failed(&error))?;
        Ok(request)
    }
}

/// What was answered, as an error like those of the store.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Answered(String);
