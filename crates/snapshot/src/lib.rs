//! Snapshots: read a database into one compressed file, publish it on the shelf, prove that it restores.
//!
//! A snapshot is a SQLite database compressed as one zstd frame, beside a JSON [`Manifest`] that says what it must
//! contain; with [`Recipients`] the frame is encrypted for them with age. [`write()`] makes one without blocking a
//! writer, [`prove()`] reads it back and compares, [`unpack()`] gives the database again, [`adopt()`] makes one of a
//! file that a stranger uploaded. Nothing here knows HTTP or the queue; the caller's clock and ids arrive as parameters.
#![cfg_attr(test, expect(clippy::unwrap_used, reason = "a test may stop at once"))]

mod adopt;
mod artefact;
pub mod certificate;
mod contents;
mod damage;
mod digest;
mod durable;
mod error;
mod fingerprint;
mod frame;
mod gather;
mod identities;
mod inspect;
mod key;
mod manifest;
mod pack;
mod piece;
mod prove;
mod recipients;
mod scratch;
mod seal;
mod shelf;
mod sqlite;
mod stored;
mod task;
mod temporary;
mod unpack;
mod uploaded;
mod watch;
mod write;

pub use adopt::{Adopted, Adoption, Refusal, Schema, SchemaObject, adopt, schema_of};
pub use artefact::Artefact;
pub use damage::Damage;
pub use digest::{Digest, DigestError};
pub use error::Error;
pub use fingerprint::{Fingerprint, fingerprint};
pub use identities::{Identities, IdentitiesError};
pub use key::{ArtefactKey, KeyError};
pub use manifest::{Algorithm, Compression, Encryption, Engine, Manifest, ManifestError, Owner, Scheme};
pub use piece::{PIECE_BYTES, PieceKey, PieceSealer, SealedPiece, UploadKey};
pub use prove::{Check, Depth, Proof, prove};
pub use recipients::{Recipients, RecipientsError};
pub use scratch::sweep as sweep_scratch;
pub use shelf::{
    Bucket, BucketSettings, Credentials, Directory, Entry, Location, Patience, ServerSide, SettingsError, Shelf,
    Trouble,
};
pub use temporary::Swept;
pub use unpack::unpack;
pub use uploaded::{Piece, Uploaded};
pub use watch::{Phase, Progress, Watch};
pub use write::{Source, WriteRequest, Written, write};
