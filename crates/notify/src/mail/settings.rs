//! The SMTP server's URL: `smtps://user:password@host:465`, `smtp://user:password@host:587?tls=required`.

use std::net::IpAddr;

use lettre::transport::smtp::AsyncSmtpTransportBuilder;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, Tokio1Executor};
use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::error::SettingsError;
use crate::roots::Roots;

/// The submission port (RFC 6409), and the one with TLS from the start (RFC 8314).
const SUBMISSION: u16 = 587;
const SUBMISSIONS: u16 = 465;

/// Which server, and who sends.
#[derive(Clone, Debug)]
pub struct SmtpSettings {
    /// `smtps://` for TLS from the start, `smtp://` for STARTTLS, which `?tls=` makes `required` (when it is left out),
    /// `opportunistic` or `none`. User and password are percent-encoded, and go over TLS or to this machine only.
    pub url: SecretString,
    /// The sender's address, with or without a name. Its domain is that of every `Message-ID`, and the name in the greeting.
    pub from: String,
}

/// How a connection is protected.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Protection {
    FromTheStart,
    Required,
    Opportunistic,
    None,
}

pub(super) fn transport(settings: &SmtpSettings, roots: &Roots) -> Result<AsyncSmtpTransportBuilder, SettingsError> {
    let fault = SettingsError::Url;
    let url = Url::parse(settings.url.expose_secret()).map_err(|_| fault("is no URL"))?;
    let protection = protection(&url)?;
    let host = url.host_str().filter(|host| !host.is_empty()).ok_or(fault("has no host"))?;
    let host = host.trim_matches(['[', ']']);
    if !matches!(url.path(), "" | "/") || url.fragment().is_some() {
        return Err(fault("may have nothing after the host but a port and ?tls="));
    }
    let usual = if protection == Protection::FromTheStart { SUBMISSIONS } else { SUBMISSION };
    let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host)
        .port(url.port().unwrap_or(usual))
        .tls(tls(protection, host, roots)?);
    if let Some(credentials) = credentials(&url)? {
        if matches!(protection, Protection::Opportunistic | Protection::None) && !is_here(host) {
            return Err(fault("has a password, which needs smtps:// or ?tls=required"));
        }
        builder = builder.credentials(credentials);
    }
    Ok(builder)
}

fn protection(url: &Url) -> Result<Protection, SettingsError> {
    let mut asked: Option<Protection> = None;
    for (name, value) in url.query_pairs() {
        let protection = match (name.as_ref(), value.as_ref(), asked) {
            ("tls", "required", None) => Protection::Required,
            ("tls", "opportunistic", None) => Protection::Opportunistic,
            ("tls", "none", None) => Protection::None,
            ("tls", _, None) => return Err(SettingsError::Url("needs tls=required, tls=opportunistic or tls=none")),
            _ => return Err(SettingsError::Url("may have no parameter but one tls=")),
        };
        asked = Some(protection);
    }
    match (url.scheme(), asked) {
        ("smtps", None | Some(Protection::Required)) => Ok(Protection::FromTheStart),
        ("smtps", Some(_)) => Err(SettingsError::Url("is smtps://, which always uses TLS: leave out tls=")),
        ("smtp", asked) => Ok(asked.unwrap_or(Protection::Required)),
        _ => Err(SettingsError::Url("must begin with smtps:// or smtp://")),
    }
}

fn credentials(url: &Url) -> Result<Option<Credentials>, SettingsError> {
    let decode = |text: &str| {
        let text = percent_decode_str(text).decode_utf8().ok().filter(|text| !text.chars().any(char::is_control));
        text.map(String::from).ok_or(SettingsError::Url("has a user or password that is no UTF-8 text"))
    };
    match (url.username(), url.password()) {
        ("", None) => Ok(None),
        ("", Some(_)) => Err(SettingsError::Url("has a password but no user")),
        (_, None) => Err(SettingsError::Url("has a user but no password")),
        (user, Some(password)) => Ok(Some(Credentials::new(decode(user)?, decode(password)?))),
    }
}

fn tls(protection: Protection, host: &str, roots: &Roots) -> Result<Tls, SettingsError> {
    let store = if roots.use_mozilla() { CertificateStore::WebpkiRoots } else { CertificateStore::None };
    let mut builder = TlsParameters::builder(host.to_owned()).certificate_store(store);
    for certificate in roots.certificates() {
        let certificate = Certificate::from_der(certificate.to_vec()).map_err(SettingsError::Tls)?;
        builder = builder.add_root_certificate(certificate);
    }
    let parameters = builder.build().map_err(SettingsError::Tls)?;
    Ok(match protection {
        Protection::FromTheStart => Tls::Wrapper(parameters),
        Protection::Required => Tls::Required(parameters),
        Protection::Opportunistic => Tls::Opportunistic(parameters),
        Protection::None => Tls::None,
    })
}

/// Whether the host is this machine, so that nobody listens on the way.
fn is_here(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(url: &str) -> Option<String> {
        let settings = SmtpSettings { url: url.into(), from: "ops@example.com".into() };
        transport(&settings, &Roots::system()).err().map(|error| error.to_string())
    }

    #[test]
    fn usable_urls_are_taken() {
        for url in [
            "smtps://user:p%40ss@mail.example.com",
            "smtps://mail.example.com:4650?tls=required",
            "smtp://user:pass@mail.example.com:587?tls=required",
            "smtp://user:pass@mail.example.com",
            "smtp://mail.example.com/?tls=opportunistic",
            "smtp://10.0.0.5:25?tls=none",
            "smtp://user:pass@127.0.0.1:2525?tls=none",
            "smtp://user:pass@[::1]:2525?tls=none",
        ] {
            assert_eq!(fault(url), None, "{url}");
        }
    }

    #[test]
    fn unusable_urls_are_refused_with_the_reason_and_without_the_password() {
        for (url, words) in [
            ("mail.example.com", "is no URL"),
            ("https://mail.example.com", "must begin with smtps:// or smtp://"),
            ("smtp://", "has no host"),
            ("smtp://h:99999", "is no URL"),
            ("smtp://h/inbox", "may have nothing after the host"),
            ("smtp://h?tls=maybe", "needs tls=required"),
            ("smtp://h?tls=none&tls=required", "no parameter but one tls="),
            ("smtp://h?starttls=1", "no parameter but one tls="),
            ("smtps://h?tls=none", "always uses TLS"),
            ("smtp://user@h", "has a user but no password"),
            ("smtp://:canary@h", "has a password but no user"),
            ("smtp://user:canary@h?tls=none", "has a password, which needs"),
            ("smtp://user:canary@h?tls=opportunistic", "has a password, which needs"),
            ("smtp://user:canary%0d%0aQUIT@h", "no UTF-8 text"),
            ("smtp://user:canary%ff@h", "no UTF-8 text"),
        ] {
            let said = fault(url).unwrap_or_else(|| panic!("{url} was taken"));
            assert!(said.contains(words) && !said.contains("canary"), "{url}: {said}");
        }
    }
}
