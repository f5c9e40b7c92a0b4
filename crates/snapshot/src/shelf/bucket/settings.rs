//! Where a bucket is, who asks, and how patiently.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use object_store::path::Path;
use rustls::ClientConfig;
use secrecy::SecretString;
use url::Url;

/// A bucket, a place in it, and how it is spoken to.
#[derive(Clone)]
pub struct BucketSettings {
    pub(super) bucket: String,
    pub(super) prefix: Path,
    /// The region that requests are signed for.
    pub region: String,
    /// A server that is not Amazon's; `http://` is spoken only where this says so.
    pub endpoint: Option<Url>,
    /// Whether the bucket stands in the path of a URL, or in its host.
    pub path_style: bool,
    /// Who asks.
    pub credentials: Credentials,
    /// How the server encrypts what it stores.
    pub encryption: ServerSide,
    /// How long is waited, and how often tried again.
    pub patience: Patience,
    /// Whose certificates are trusted.
    pub tls: Arc<ClientConfig>,
    /// Whether an address that the name of Amazon's servers leads to may be reached. The host of an `endpoint` may be
    /// anywhere: somebody named it.
    pub permits: Arc<dyn Fn(IpAddr) -> bool + Send + Sync>,
}

/// Who asks.
#[derive(Clone, Debug)]
pub enum Credentials {
    /// Whoever has these keys.
    Keys {
        /// The access key's id.
        access_key: String,
        /// Its secret.
        secret_key: SecretString,
        /// Of temporary keys.
        session_token: Option<SecretString>,
    },
    /// The machine or the container itself, by a role that was given to it. The pairs are Amazon's standard variables that
    /// describe a container's role; without them the instance's own role is asked for.
    Machine(Vec<(String, String)>),
}

/// How the server encrypts what it stores.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ServerSide {
    /// As the bucket is configured.
    #[default]
    Default,
    /// With keys of the store's own.
    S3,
    /// With a key of the key management service; its own for the store when none is named.
    Kms(Option<String>),
}

/// How long is waited, and how often tried again.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For a connection.
    pub connect: Duration,
    /// For the next sign of life of a server that is connected; what is sent gets time besides, by its length.
    pub answer: Duration,
    /// How often a request is tried again that failed for a passing reason.
    pub retries: usize,
    /// For how long.
    pub retry_for: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            answer: Duration::from_secs(30),
            retries: 6,
            retry_for: Duration::from_secs(120),
        }
    }
}

/// Why a setting does not describe a bucket.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// It is not `s3://bucket/prefix`.
    #[error("it must be s3://BUCKET or s3://BUCKET/PREFIX, the bucket of 3 to 63 letters, digits, dots and hyphens")]
    Url,
    /// The prefix has parts that keys should not have.
    #[error("the prefix may have letters, digits, dots, hyphens and underscores, and single slashes between them")]
    Prefix,
    /// The endpoint is not a server's address.
    #[error("the endpoint must be https://HOST or http://HOST, with a port at most behind it")]
    Endpoint,
}

impl BucketSettings {
    /// The place that `s3://bucket/prefix` names, at Amazon's, as the machine itself.
    ///
    /// # Errors
    /// [`SettingsError`].
    pub fn parse(
        url: &str,
        tls: Arc<ClientConfig>,
        permits: Arc<dyn Fn(IpAddr) -> bool + Send + Sync>,
    ) -> Result<Self, SettingsError> {
        let rest = url.strip_prefix("s3://").ok_or(SettingsError::Url)?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let plain = |char: char| char.is_ascii_alphanumeric() || ".-_".contains(char);
        if !(3..=63).contains(&bucket.len()) || !bucket.chars().all(plain) || bucket.starts_with('.') {
            return Err(SettingsError::Url);
        }
        let prefix = prefix.trim_end_matches('/');
        let is_part = |part: &str| !part.is_empty() && part.chars().all(plain) && part.chars().any(|c| c != '.');
        if !prefix.is_empty() && !prefix.split('/').all(is_part) {
            return Err(SettingsError::Prefix);
        }
        Ok(Self {
            bucket: bucket.to_owned(),
            prefix: Path::parse(prefix).map_err(|_| SettingsError::Prefix)?,
            region: "us-east-1".to_owned(),
            endpoint: None,
            path_style: false,
            credentials: Credentials::Machine(Vec::new()),
            encryption: ServerSide::Default,
            patience: Patience::default(),
            tls,
            permits,
        })
    }

    /// Speaks to another server than Amazon's, where the bucket usually stands in the path.
    ///
    /// # Errors
    /// [`SettingsError::Endpoint`].
    pub fn at(mut self, endpoint: &str) -> Result<Self, SettingsError> {
        let url = Url::parse(endpoint).map_err(|_| SettingsError::Endpoint)?;
        let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        let nobody = url.username().is_empty() && url.password().is_none();
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() || !bare || !nobody {
            return Err(SettingsError::Endpoint);
        }
        self.endpoint = Some(url);
        self.path_style = true;
        Ok(self)
    }

    pub(in crate::shelf) fn is_same_place(&self, other: &Self) -> bool {
        (&self.bucket, &self.prefix, &self.endpoint) == (&other.bucket, &other.prefix, &other.endpoint)
    }

    /// Differs where [`is_same_place`](Self::is_same_place) does.
    pub(in crate::shelf) fn address(&self) -> String {
        let server = self.endpoint.as_ref().map(|url| format!(" at {}", &url[..url::Position::BeforePath]));
        format!("{self}{}", server.unwrap_or_default())
    }

    /// The URL of the bucket itself, without a slash at its end.
    pub(super) fn url(&self) -> String {
        let (scheme, host) = match &self.endpoint {
            None => ("https", format!("s3.{}.amazonaws.com", self.region)),
            Some(url) => (url.scheme(), url[url::Position::BeforeHost..url::Position::AfterPort].to_owned()),
        };
        match self.path_style {
            true => format!("{scheme}://{host}/{}", self.bucket),
            false => format!("{scheme}://{}.{host}", self.bucket),
        }
    }
}

impl fmt::Display for BucketSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}", self.bucket)?;
        if self.prefix.as_ref().is_empty() { Ok(()) } else { write!(f, "/{}", self.prefix) }
    }
}

impl fmt::Debug for BucketSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BucketSettings").field("url", &self.to_string()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> Result<BucketSettings, SettingsError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let tls = tls.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth();
        BucketSettings::parse(url, Arc::new(tls), Arc::new(|_| true))
    }

    #[test]
    fn a_place_is_a_bucket_and_perhaps_a_prefix() {
        for (url, shown) in [
            ("s3://backups", "s3://backups"),
            ("s3://backups/", "s3://backups"),
            ("s3://my.backups/chili/view_2/", "s3://my.backups/chili/view_2"),
        ] {
            assert_eq!(parse(url).unwrap().to_string(), shown);
        }
        for url in ["backups", "s3:/backups", "s3://", "s3://ab", "s3://a b", "s3://.aa", "https://s3/backups"] {
            assert_eq!(parse(url).unwrap_err(), SettingsError::Url, "{url}");
        }
        for url in ["s3://backups//x", "s3://backups/../x", "s3://backups/a b", "s3://backups/ä", "s3://backups/x?y"] {
            assert_eq!(parse(url).unwrap_err(), SettingsError::Prefix, "{url}");
        }
    }

    #[test]
    fn the_bucket_stands_in_the_host_at_amazons_and_in_the_path_elsewhere() {
        let settings = parse("s3://backups/x").unwrap();
        assert_eq!(settings.url(), "https://backups.s3.us-east-1.amazonaws.com");
        let settings = settings.at("http://127.0.0.1:9000").unwrap();
        assert_eq!(settings.url(), "http://127.0.0.1:9000/backups");
        let settings = BucketSettings { path_style: false, ..settings.at("https://storage.example/").unwrap() };
        assert_eq!(settings.url(), "https://backups.storage.example");
    }

    #[test]
    fn an_endpoint_is_a_server_and_nothing_else() {
        for endpoint in ["localhost:9000", "ftp://x", "http://x/path", "http://user@x", "http://x?y", "", "http://"] {
            assert!(parse("s3://backups").unwrap().at(endpoint).is_err(), "{endpoint}");
        }
    }
}
