//! The store's client, as the settings describe it.

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey, Checksum};
use object_store::{BackoffConfig, RetryConfig};
use secrecy::ExposeSecret as _;

use super::settings::{BucketSettings, Credentials, ServerSide};

/// Every part is sent with its SHA-256, and the server compares.
pub(super) fn builder(settings: &BucketSettings) -> AmazonS3Builder {
    let patience = settings.patience;
    let retry = RetryConfig {
        backoff: BackoffConfig::default(),
        max_retries: patience.retries,
        retry_timeout: patience.retry_for,
    };
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name(&settings.bucket)
        .with_region(&settings.region)
        .with_endpoint(settings.url())
        // "Virtual hosted" says that the endpoint has the bucket in it already, wherever.
        .with_virtual_hosted_style_request(true)
        .with_allow_http(settings.endpoint.as_ref().is_some_and(|url| url.scheme() == "http"))
        .with_checksum_algorithm(Checksum::SHA256)
        .with_disable_bulk_delete(true)
        .with_retry(retry);
    match &settings.credentials {
        Credentials::Keys { access_key, secret_key, session_token } => {
            builder = builder.with_access_key_id(access_key).with_secret_access_key(secret_key.expose_secret());
            if let Some(token) = session_token {
                builder = builder.with_token(token.expose_secret());
            }
        }
        Credentials::Machine(given) => {
            for (name, value) in given {
                if let Ok(key) = name.to_ascii_lowercase().parse::<AmazonS3ConfigKey>() {
                    builder = builder.with_config(key, value);
                }
            }
        }
    }
    let encrypted = |builder: AmazonS3Builder, kind| match "aws_server_side_encryption".parse() {
        Ok(key) => builder.with_config(key, kind),
        Err(_) => builder,
    };
    match &settings.encryption {
        ServerSide::Default => builder,
        ServerSide::S3 => encrypted(builder, "AES256"),
        ServerSide::Kms(None) => encrypted(builder, "aws:kms"),
        ServerSide::Kms(Some(key)) => builder.with_sse_kms_encryption(key),
    }
}
