//! An uploaded file of unknown form becomes a database that may take a tenant's place, or is refused.
//!
//! Nothing in it is believed: not its name, not the lengths that it announces, not its schema. What comes out is a plain
//! SQLite file whose schema is, to the letter, one that ChiliView itself makes, so that no trigger, view or expression
//! of somebody else ever runs.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::PathBuf;

use chiliview_store::password_hashes::Strange;
use sha2::{Digest as _, Sha256};
use tokio::runtime::Handle;
use tracing::info_span;
use uuid::Uuid;

use crate::digest::Digest;
use crate::durable;
use crate::error::Error;
use crate::frame::{self, Bound, Frame};
use crate::identities::Identities;
use crate::scratch;
use crate::seal::{self, Sealed};
use crate::sqlite;
use crate::task;
use crate::temporary::Temporary;
use crate::unpack::refuse_existing;
use crate::uploaded::{UploadReader, Uploaded, failed};
use crate::watch::{Phase, Watch};

pub use schema::{Schema, SchemaObject, schema_of};

mod check;
mod schema;

const CHUNK: usize = 256 << 10;

/// A file to be adopted.
#[derive(Clone, Debug)]
pub struct Adoption {
    /// The file: a snapshot of ours, encrypted or not, or a bare SQLite database. It is only read, once.
    pub upload: Uploaded,
    /// Where the database is to appear; nothing may be there.
    pub to: PathBuf,
    /// No database may be larger.
    pub max_plain_bytes: u64,
    /// The schemas that it may have; see [`schema_of`].
    pub accepted: Vec<Schema>,
    /// Open it when it is encrypted.
    pub identities: Identities,
}

/// A database that was adopted: whole, and of a known schema. Whose it is remains to be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adopted {
    /// Where it lies.
    pub path: PathBuf,
    /// Its length.
    pub plain_bytes: u64,
    /// Its digest.
    pub plain_sha256: Digest,
    /// Its newest migration.
    pub schema_version: i64,
    /// The tenant that its own settings name.
    pub owner_in_file: Option<Uuid>,
    /// Rows of each table.
    pub rows: BTreeMap<String, u64>,
}

/// Why an uploaded file is not taken, when it is not [damaged](crate::Damage).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// It is something else, or empty.
    #[error("it is neither a snapshot (.db.zst, .db.zst.age) nor a SQLite database")]
    Unknown,
    /// It is encrypted with a passphrase.
    #[error("it is encrypted with a passphrase, not for a key: decrypt it first")]
    Passphrase,
    /// The database in it is too large.
    #[error("it holds a database of more than {limit} bytes")]
    TooLarge {
        /// What is granted.
        limit: u64,
    },
    /// A part of it does not lie on the shelf, which is there.
    #[error("what follows its byte {at} is not on the shelf any more: upload it again")]
    PieceMissing {
        /// Where the part begins.
        at: u64,
    },
    /// A part of it was changed on the shelf, or another one lies in its place.
    #[error("what follows its byte {at} was changed on the shelf after it was received: upload it again")]
    PieceChanged {
        /// Where the part begins.
        at: u64,
    },
    /// It is not the file that was announced.
    #[error("it has the SHA-256 {found}, not {expected}")]
    Digest {
        /// What was announced.
        expected: Digest,
        /// What came.
        found: Digest,
    },
    /// Its schema is not one of those that are accepted.
    #[error("its schema is that of no known version: {0}")]
    Schema(String),
    /// Its schema and its list of migrations do not belong together.
    #[error("it names {found} as its schema version, and has the schema of {expected}")]
    Version {
        /// What its schema says.
        expected: i64,
        /// What its list of migrations says.
        found: i64,
    },
    /// Its settings name a tenant by something that is no id.
    #[error("the tenant that its settings name has no readable id")]
    Owner,
    /// A user in it is none that ChiliView would have written.
    #[error("{0}")]
    User(Strange),
    /// Reading its schema does not end.
    #[error("reading its schema takes longer than that of any honest database")]
    Endless,
}

/// Unpacks `request.upload` and checks what is in it; the database appears under `request.to`, durably, when it passed
/// everything.
///
/// # Errors
/// [`Error::Refused`] or [`Error::Damaged`] with what is wrong with it, [`Error::NoIdentity`], [`Error::NoSpace`], and
/// others that say nothing about the file. Then nothing is left, also when the future is dropped.
pub async fn adopt(request: Adoption, watch: &Watch) -> Result<Adopted, Error> {
    task::watched(watch, move |watch| {
        let _span = info_span!("snapshot.adopt").entered();
        refuse_existing(&request.to)?;
        let folder = durable::parent(&request.to);
        let mut file = scratch::create(folder, "upload", 0)?;
        let (plain_bytes, plain_sha256) = plain(&request, &mut file, watch)?;
        let meter = watch.enter(Phase::Checking, plain_bytes);
        let checking = check::check(&mut file, plain_bytes, &request.accepted, watch);
        let (contents, owner_in_file) = Handle::current().block_on(checking)?;
        meter.finish();
        file.sync()?;
        file.keep(&request.to)?;
        durable::sync_dir(folder)?;
        let (schema_version, rows) = (contents.schema_version, contents.rows);
        Ok(Adopted { path: request.to, plain_bytes, plain_sha256, schema_version, owner_in_file, rows })
    })
    .await
}

/// Writes the plain database into `file`; its length and digest.
fn plain(request: &Adoption, file: &mut Temporary, watch: &Watch) -> Result<(u64, Digest), Error> {
    let mut upload = request.upload.reader(watch);
    let outcome = unpack(request, &mut upload, file, watch);
    // What cannot be taken has usually changed on its way here; then that is the reason to tell.
    if matches!(outcome, Ok(_) | Err(Error::Damaged(_) | Error::Refused(_) | Error::NoIdentity { .. })) {
        upload.finish()?;
    }
    outcome
}

fn unpack(
    request: &Adoption,
    upload: &mut UploadReader<'_>,
    file: &mut Temporary,
    watch: &Watch,
) -> Result<(u64, Digest), Error> {
    let mut start = Vec::new();
    (&mut *upload).take(64).read_to_end(&mut start).map_err(failed)?;
    let mut whole = start.as_slice().chain(upload);
    if start.starts_with(sqlite::MAGIC) {
        return copy(&mut whole, request, file, watch);
    }
    // How much will come out is not known yet.
    let meter = watch.enter(Phase::Unpacking, 0);
    let frame = Frame::new(Bound::AtMost(request.max_plain_bytes), file, meter)?;
    if start.starts_with(&frame::MAGIC) {
        return frame.run(&mut whole, failed);
    }
    if !start.starts_with(seal::MAGIC) {
        return Err(Refusal::Unknown.into());
    }
    let sealed = Sealed::read(&mut whole, failed)?;
    if sealed.wants_passphrase() {
        return Err(Refusal::Passphrase.into());
    }
    let closed = || Error::NoIdentity { recipients: Vec::new(), tried: request.identities.recipients().collect() };
    let mut content = sealed.open(&request.identities)?.ok_or_else(closed)?;
    frame.run(&mut content, failed)
}

fn copy(from: &mut impl Read, request: &Adoption, file: &mut Temporary, watch: &Watch) -> Result<(u64, Digest), Error> {
    let (bytes, limit) = (request.upload.bytes, request.max_plain_bytes);
    if bytes > limit {
        return Err(Refusal::TooLarge { limit }.into());
    }
    scratch::require(durable::parent(file.path()), bytes)?;
    let mut meter = watch.enter(Phase::Unpacking, bytes);
    let (mut buffer, mut hash) = (vec![0; CHUNK], Sha256::new());
    loop {
        let read = from.read(&mut buffer).map_err(failed)?;
        if read == 0 {
            return Ok((bytes, Digest::finish(hash)));
        }
        hash.update(&buffer[..read]);
        file.append(&buffer[..read])?;
        meter.advance(read)?;
    }
}
