//! Tokens: what somebody shows, and where it stands in a request.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use poem::Request;
use sha2::{Digest, Sha256};

const TOKEN_PREFIX: &str = "cvs_";
pub(super) const KEY_PREFIX: &str = "cvk_";

/// A new session token: 256 random bits behind a prefix that secret scanners can look for.
#[must_use]
pub fn new_token() -> String {
    format!("{TOKEN_PREFIX}{}", URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>()))
}

/// A new API key's token, likewise.
#[must_use]
pub fn new_key() -> String {
    format!("{KEY_PREFIX}{}", URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>()))
}

/// What of a token is stored.
#[must_use]
pub fn token_hash(token: &str) -> Vec<u8> {
    Sha256::digest(token).to_vec()
}

/// The cookie's name: browsers take a `__Host-` cookie over https only.
#[must_use]
pub fn cookie_name(secure: bool) -> &'static str {
    if secure { "__Host-chiliview" } else { "chiliview" }
}

/// With an `Authorization` header the cookie counts for nothing: the check for forged requests relies on it.
pub(super) fn token_of(request: &Request, secure: bool) -> Option<String> {
    if let Some(header) = request.header("authorization") {
        let (scheme, token) = header.split_once(' ')?;
        return scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned());
    }
    let name = cookie_name(secure);
    let cookies = request.headers().get_all("cookie").into_iter().filter_map(|value| value.to_str().ok());
    cookies
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value.to_owned())
}
