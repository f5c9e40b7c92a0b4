//! Sends a stored content whole or in part, with every header a resuming client or a cache asks for.

use std::{
    fs::File,
    io::{self, Read},
    os::unix::fs::FileExt,
    sync::Arc,
    time::SystemTime,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use futures::stream;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use poem::{Body, IntoResponse, Response};
use tokio::task::{JoinHandle, spawn_blocking};

use super::{Selection, Span, Validators, Verdict, evaluate, select};
use crate::problem::Problem;

/// As much as one trip to the disk reads: below it the trips cost more than the reading.
const CHUNK: u64 = 256 << 10;

/// RFC 9530.
const REPR_DIGEST: HeaderName = HeaderName::from_static("repr-digest");

/// What is sent, apart from the bytes.
#[derive(Debug, Clone)]
pub struct Content {
    /// All of it, in bytes.
    pub length: u64,
    /// A strong entity tag, quotes included.
    pub etag: String,
    /// When it last changed.
    pub last_modified: Option<SystemTime>,
    /// Its media type.
    pub content_type: &'static str,
    /// The name it is saved under; any characters.
    pub file_name: String,
    /// SHA-256 of all of it.
    pub sha256: Option<[u8; 32]>,
}

/// Answers a GET or HEAD with (a part of) an open file.
pub fn serve_file(method: &Method, headers: &HeaderMap, file: File, content: &Content) -> Response {
    serve(method, headers, content, |span| file_body(file, span))
}

/// The same for bytes from anywhere: `body` is asked for at most once, and for exactly the bytes to be sent.
pub fn serve(method: &Method, headers: &HeaderMap, content: &Content, body: impl FnOnce(Span) -> Body) -> Response {
    let stored = Validators { etag: content.etag.clone(), last_modified: content.last_modified };
    let range = match evaluate(method, headers, &stored) {
        Verdict::Failed => return Problem::precondition_failed().into_response(),
        Verdict::NotModified => return described(StatusCode::NOT_MODIFIED, content).finish(),
        Verdict::Proceed { range } => range,
    };
    let selection = if range { select(headers, content.length) } else { Selection::Whole };
    let whole = Span { start: 0, length: content.length };
    let (response, span) = match selection {
        Selection::Unsatisfiable => return Problem::range_not_satisfiable(content.length).into_response(),
        Selection::Whole => (described(StatusCode::OK, content), whole),
        Selection::Part(span) => {
            let last = span.start + span.length - 1;
            let range = format!("bytes {}-{last}/{}", span.start, content.length);
            (described(StatusCode::PARTIAL_CONTENT, content).header(header::CONTENT_RANGE, range), span)
        }
    };
    let response = response
        .content_type(content.content_type)
        .header(header::CONTENT_LENGTH, span.length)
        .header(header::CONTENT_DISPOSITION, disposition(&content.file_name));
    match *method == Method::HEAD || span.length == 0 {
        true => response.finish(),
        false => response.body(body(span)),
    }
}

/// What a 304 has as well (RFC 9110, 15.4.5).
fn described(status: StatusCode, content: &Content) -> poem::ResponseBuilder {
    let mut response = Response::builder()
        .status(status)
        .header(header::ETAG, &content.etag)
        .header(header::ACCEPT_RANGES, "bytes")
        .header(header::CACHE_CONTROL, "private, no-transform");
    if let Some(at) = content.last_modified {
        response = response.header(header::LAST_MODIFIED, httpdate::fmt_http_date(at));
    }
    if let Some(digest) = content.sha256 {
        response = response.header(REPR_DIGEST, format!("sha-256=:{}:", BASE64_STANDARD.encode(digest)));
    }
    response
}

/// `attachment` with a plain name for old clients and, where that loses something, the true one (RFC 6266, 8187).
fn disposition(name: &str) -> HeaderValue {
    let is_plain = |c: char| (c.is_ascii_graphic() || c == ' ') && !"\"\\/%;".contains(c);
    let plain: String = name.chars().map(|c| if is_plain(c) { c } else { '_' }).collect();
    let mut value = format!("attachment; filename=\"{plain}\"");
    if plain != name {
        value.push_str("; filename*=UTF-8''");
        for byte in name.bytes() {
            match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => value.push(byte.into()),
                _ => value.push_str(&format!("%{byte:02X}")),
            }
        }
    }
    HeaderValue::try_from(value).unwrap_or(HeaderValue::from_static("attachment"))
}

/// The bytes of `span`, one chunk read ahead. A file that ends too early breaks the transfer: no client takes it for whole.
pub fn file_body(file: File, span: Span) -> Body {
    let file = Arc::new(file);
    let first = read_chunk(&file, span);
    Body::from_bytes_stream(stream::try_unfold((file, span, first), |(file, span, pending)| async move {
        let Some(pending) = pending else {
            return Ok::<_, io::Error>(None);
        };
        let bytes = pending.await??;
        let sent = bytes.len() as u64;
        let rest = Span { start: span.start + sent, length: span.length - sent };
        let next = read_chunk(&file, rest);
        Ok(Some((bytes, (file, rest, next))))
    }))
}

fn read_chunk(file: &Arc<File>, span: Span) -> Option<JoinHandle<io::Result<Bytes>>> {
    let length = span.length.min(CHUNK);
    if length == 0 {
        return None;
    }
    let file = Arc::clone(file);
    Some(spawn_blocking(move || {
        let mut chunk = Vec::with_capacity(usize::try_from(length).map_err(io::Error::other)?);
        let source = At { file: &file, position: span.start };
        if source.take(length).read_to_end(&mut chunk)? as u64 != length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(chunk.into())
    }))
}

/// Reads on from a position without moving the file's own: `read_to_end` then fills memory that nobody zeroed first.
struct At<'a> {
    file: &'a File,
    position: u64,
}

impl Read for At<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(buffer, self.position)?;
        self.position += read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn file(bytes: &[u8]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    #[tokio::test]
    async fn a_part_over_several_chunks_is_exactly_that_part() {
        let bytes: Vec<u8> = (0..3 * CHUNK + 7).map(|i| (i % 251) as u8).collect();
        let span = Span { start: 5, length: 2 * CHUNK + 100 };
        let body = file_body(file(&bytes), span).into_vec().await.unwrap();
        assert_eq!(body, bytes[5..usize::try_from(5 + span.length).unwrap()]);
    }

    #[tokio::test]
    async fn a_file_that_ends_too_early_breaks_the_transfer() {
        let body = file_body(file(b"short"), Span { start: 0, length: 6 });
        assert!(body.into_vec().await.is_err());
    }

    #[test]
    fn names_outside_ascii_are_kept_and_nothing_escapes_the_quotes() {
        let text = |name: &str| disposition(name).to_str().unwrap().to_owned();
        assert_eq!(text("backup-1.db.zst"), "attachment; filename=\"backup-1.db.zst\"");
        assert_eq!(
            text("Müller €.zst"),
            "attachment; filename=\"M_ller _.zst\"; filename*=UTF-8''M%C3%BCller%20%E2%82%AC.zst"
        );
        assert_eq!(text("a\"b\r\n/c"), "attachment; filename=\"a_b___c\"; filename*=UTF-8''a%22b%0D%0A%2Fc");
    }
}
