//! `chiliview verify`: a snapshot's file against its certificate, with nothing else of ChiliView's at hand.

use std::{
    io::Read as _,
    path::{Path, PathBuf},
};

use chiliview_snapshot::{
    Check, Depth, Error, Identities, Watch,
    certificate::{self, Certificate, PublicKey},
};
use chiliview_store::error::with_causes;
use clap::Args;
use serde_json::json;

use crate::{
    exit::{Exit, Failure},
    identity_file, output,
};

/// No key's text is longer.
const MAX_KEY: u64 = 4096;

/// Arguments of `verify`.
#[derive(Args)]
pub(crate) struct Options {
    /// The snapshot: NAME.db.zst or NAME.db.zst.age
    file: PathBuf,
    /// Its certificate
    certificate: PathBuf,
    /// The public key that you trust, in base64url, or a file with it (PEM or base64url)
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// age identities that open an encrypted snapshot
    #[arg(long, value_name = "FILE")]
    identity: Option<PathBuf>,
}

/// Checks signature, file, and, when it can be read, what is in it.
pub(crate) async fn run(options: Options, json: bool) -> Result<Exit, Failure> {
    let trusted = options.key.as_deref().map(public_key).transpose()?;
    let identities = options.identity.as_deref().map_or_else(|| Ok(Identities::none()), identity_file::read)?;
    let text = text(&options.certificate, certificate::MAX_BYTES as u64)?;
    let believed = certificate::verify(&text, trusted.as_ref()).map_err(|error| found(&error))?;
    if !options.file.is_file() {
        return Err(Failure::usage(format!("read {}: there is no such file", options.file.display())));
    }
    let scratch = tempfile::tempdir()?;
    let watch = Watch::unobserved();
    let statement = &believed.statement;
    let checked = certificate::check_file(statement, &options.file, &identities, scratch.path(), &watch).await;
    let (depth, checks) = checked.map_err(|error| match error {
        Error::Damaged(_) => found(&error),
        other => Failure::failed(with_causes(&other)),
    })?;
    show(&believed, trusted.is_some(), depth, &checks, json)?;
    Ok(Exit::Ok)
}

/// It is not what the certificate says, or the certificate is none.
fn found(error: &dyn std::error::Error) -> Failure {
    Failure::new(Exit::Found, with_causes(error))
}

/// A key as it stands on the command line, or in the file of that name.
fn public_key(given: &str) -> Result<PublicKey, Failure> {
    if let Ok(key) = given.parse() {
        return Ok(key);
    }
    text(Path::new(given), MAX_KEY)?.trim().parse().map_err(Failure::usage)
}

/// A file's text; one that is longer than `limit` is cut, and then refused for what it is.
fn text(path: &Path, limit: u64) -> Result<String, Failure> {
    let refused = |error: &dyn std::fmt::Display| Failure::usage(format!("read {}: {error}", path.display()));
    let file = std::fs::File::open(path).map_err(|error| refused(&error))?;
    let mut text = String::new();
    file.take(limit + 1).read_to_string(&mut text).map_err(|error| refused(&error))?;
    Ok(text)
}

fn show(believed: &Certificate, trusted: bool, depth: Depth, checks: &[Check], json: bool) -> Result<(), Failure> {
    let (statement, signer) = (&believed.statement, believed.signer.thumbprint());
    if json {
        return output::json(&json!({
            "ok": true, "signer": signer, "trusted": trusted, "issuer": statement.issuer,
            "issued_at": statement.issued_at, "verified_at": statement.verified_at, "depth": depth, "checks": checks,
            "manifest": statement.manifest,
        }));
    }
    let manifest = &statement.manifest;
    output::line(&format!(
        "signature  right: signed by {signer} for {:?} at {}",
        statement.issuer, statement.issued_at
    ))?;
    output::line(&format!("file       {} bytes, SHA-256 {}", manifest.stored_bytes, manifest.stored_sha256))?;
    let rows: u64 = manifest.rows.values().sum();
    let taken = manifest.taken_at;
    output::line(&match depth {
        Depth::Stored => format!("contents   encrypted and not read: name the key with --identity; taken {taken}"),
        _ => format!("contents   whole: {rows} rows in {} tables, taken {taken}", manifest.rows.len()),
    })?;
    if !trusted {
        eprintln!(
            "the key that signed it is the certificate's own word: compare it with the platform's, or give --key"
        );
    }
    Ok(())
}
