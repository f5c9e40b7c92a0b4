//! Where the shelf is, as the settings describe it: a directory, or a bucket and whoever may use it.

use std::sync::Arc;

use chiliview_notify::Policy;
use chiliview_snapshot::{BucketSettings, Credentials, Location, ServerSide};
use chiliview_store::data_dir::DataDir;
use secrecy::ExposeSecret as _;

use crate::{exit::Failure, outside, settings::Settings};

/// By these a container is told which role it has. Everything else is a setting of ours.
const ROLE: [&str; 6] = [
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
];

/// The place. Nobody is asked anything yet.
pub(crate) fn of(settings: &Settings) -> Result<Location, Failure> {
    match settings.shelf.as_deref() {
        None | Some("") => Ok(Location::Directory(DataDir::new(&settings.data_dir).backups())),
        Some(url) if url.starts_with("s3:") => Ok(Location::Bucket(Box::new(bucket(url, settings)?))),
        Some(url) if url.contains("://") => {
            Err(Failure::usage(format!("use the shelf {url}: it must be a directory or s3://BUCKET/PREFIX")))
        }
        Some(path) => Ok(Location::Directory(path.into())),
    }
}

fn bucket(url: &str, settings: &Settings) -> Result<BucketSettings, Failure> {
    let tls = outside::roots(settings)?.client().map_err(Failure::usage)?;
    let policy = Policy::allowing(settings.outbound_allow.clone());
    let permits = Arc::new(move |address| policy.permits(address));
    let wrong = |error| Failure::usage(format!("use the shelf {url}: {error}"));
    let mut bucket = BucketSettings::parse(url, Arc::new(tls), permits).map_err(wrong)?;
    if let Some(endpoint) = &settings.s3_endpoint {
        bucket = bucket.at(endpoint).map_err(wrong)?;
    }
    bucket.region.clone_from(&settings.s3_region);
    bucket.path_style = settings.s3_path_style.unwrap_or(bucket.path_style);
    bucket.credentials = credentials(settings)?;
    bucket.encryption = encryption(settings)?;
    Ok(bucket)
}

fn credentials(settings: &Settings) -> Result<Credentials, Failure> {
    match (&settings.s3_access_key, &settings.s3_secret_key) {
        (Some(access_key), Some(secret_key)) => Ok(Credentials::Keys {
            access_key: access_key.inner().expose_secret().to_owned(),
            secret_key: secret_key.inner().clone(),
            session_token: settings.s3_session_token.as_ref().map(|token| token.inner().clone()),
        }),
        (None, None) if settings.s3_session_token.is_none() => {
            let told = |name: &str| Some((name.to_owned(), std::env::var(name).ok()?));
            Ok(Credentials::Machine(ROLE.into_iter().filter_map(told).collect()))
        }
        _ => Err(Failure::usage(
            "use the shelf: s3_access_key and s3_secret_key go together, and a session token with them",
        )),
    }
}

fn encryption(settings: &Settings) -> Result<ServerSide, Failure> {
    match (settings.s3_encryption.as_deref(), &settings.s3_kms_key) {
        (None, None) => Ok(ServerSide::Default),
        (Some("s3"), None) => Ok(ServerSide::S3),
        (Some("kms"), key) => Ok(ServerSide::Kms(key.clone())),
        (Some("s3") | None, Some(_)) => Err(Failure::usage("use s3_kms_key: it goes with s3_encryption = \"kms\"")),
        (Some(other), _) => Err(Failure::usage(format!("use s3_encryption: {other:?} is neither s3 nor kms"))),
    }
}
