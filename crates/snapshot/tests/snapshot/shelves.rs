//! Shelves at the server of a test.

use std::sync::Arc;
use std::time::Duration;

use chiliview_snapshot::{BucketSettings, Credentials, Location, Patience, Shelf};
use chrono::DateTime;

use super::server::{ACCESS_KEY, BUCKET, SECRET_KEY};

/// The shelf at `endpoint`.
pub(crate) async fn shelf(endpoint: &str) -> Shelf {
    open(settings(endpoint)).await
}

pub(crate) async fn open(settings: BucketSettings) -> Shelf {
    Location::Bucket(Box::new(settings)).open(DateTime::UNIX_EPOCH).await.unwrap()
}

/// With little patience, since a test waits for it to end.
pub(crate) fn settings(endpoint: &str) -> BucketSettings {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let tls = tls.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth();
    let url = format!("s3://{BUCKET}/chili/view");
    let settings = BucketSettings::parse(&url, Arc::new(tls), Arc::new(|_| false)).unwrap();
    let mut settings = settings.at(endpoint).unwrap();
    (settings.credentials, settings.patience) = (keys(SECRET_KEY), PATIENCE);
    settings
}

const PATIENCE: Patience = Patience {
    connect: Duration::from_secs(2),
    answer: Duration::from_millis(700),
    retries: 2,
    retry_for: Duration::from_secs(20),
};

pub(crate) fn keys(secret: &str) -> Credentials {
    Credentials::Keys { access_key: ACCESS_KEY.into(), secret_key: secret.into(), session_token: None }
}
