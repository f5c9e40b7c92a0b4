//! The files by their paths: what they are, how long they may be kept, and their compressed variants, which the console's
//! build has put beside them as `.br` and `.gz`.

use std::{borrow::Cow, collections::BTreeMap};

use bytes::Bytes;
use rust_embed::Embed;
use sha2::{Digest, Sha256};

use super::{HASHED, INDEX};

/// Debug builds embed as well: what tests see is what is shipped.
#[derive(Embed)]
#[folder = "../console/dist/"]
#[allow_missing = true]
struct Dist;

const NOT_BUILT: &str = include_str!("not_built.html");
const FOREVER: &str = "public, max-age=31536000, immutable";
const ASK_AGAIN: &str = "no-cache";

/// A built console.
pub struct Site(BTreeMap<String, File>);

/// One file of it.
pub(super) struct File {
    pub(super) content_type: &'static str,
    pub(super) cache_control: &'static str,
    /// The best compression first, the plain one last.
    pub(super) variants: Vec<Variant>,
}

/// One way to send a file.
pub(super) struct Variant {
    pub(super) coding: Option<&'static str>,
    pub(super) bytes: Bytes,
    /// Strong, quotes included.
    pub(super) etag: String,
}

impl Site {
    /// The one inside this binary.
    #[must_use]
    pub fn embedded() -> Self {
        let files = Dist::iter().filter_map(|path| Dist::get(&path).map(|file| (path.into_owned(), file.data)));
        Self::of(files)
    }

    /// These files, by paths without a leading slash; without an `index.html` among them, the page that says what is missing.
    #[must_use]
    pub fn of(files: impl IntoIterator<Item = (String, Cow<'static, [u8]>)>) -> Self {
        let mut all: BTreeMap<String, Bytes> = files.into_iter().map(|(path, data)| (path, shared(data))).collect();
        all.entry(INDEX.to_owned()).or_insert(Bytes::from_static(NOT_BUILT.as_bytes()));
        let plain = all.iter().filter(|(path, _)| is_public(path, &all));
        Self(plain.map(|(path, bytes)| (path.clone(), File::new(path, bytes, &all))).collect())
    }

    pub(super) fn find(&self, path: &str) -> Option<&File> {
        self.0.get(path)
    }
}

/// Without copying what lies in the binary.
fn shared(data: Cow<'static, [u8]>) -> Bytes {
    match data {
        Cow::Borrowed(data) => Bytes::from_static(data),
        Cow::Owned(data) => data.into(),
    }
}

/// Hidden files are none of the console's, and a variant is no file of its own.
fn is_public(path: &str, all: &BTreeMap<String, Bytes>) -> bool {
    let is_variant = |end| path.strip_suffix(end).is_some_and(|plain| all.contains_key(plain));
    !path.split('/').any(|segment| segment.starts_with('.')) && !is_variant(".br") && !is_variant(".gz")
}

impl File {
    fn new(path: &str, bytes: &Bytes, all: &BTreeMap<String, Bytes>) -> Self {
        let compressed = [("br", ".br"), ("gzip", ".gz")].into_iter().filter_map(|(coding, end)| {
            let bytes = all.get(&format!("{path}{end}"))?;
            Some(Variant::new(Some(coding), bytes))
        });
        let variants = compressed.chain([Variant::new(None, bytes)]).collect();
        let cache_control = if path.starts_with(HASHED) { FOREVER } else { ASK_AGAIN };
        Self { content_type: content_type(path), cache_control, variants }
    }
}

impl Variant {
    fn new(coding: Option<&'static str>, bytes: &Bytes) -> Self {
        let etag = format!("\"{}\"", hex::encode(&Sha256::digest(bytes)[..16]));
        Self { coding, bytes: bytes.clone(), etag }
    }
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map_or("", |(_, end)| end) {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "webp" => "image/webp",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}
