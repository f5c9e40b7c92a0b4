//! Seals the secrets of second factors under a key of the platform's own, each for its admin: what leaks of this one table,
//! in a dump or a log of statements, opens nothing. Whoever has the whole central database has the key too.

use chacha20poly1305::{
    ChaCha20Poly1305, Key, KeyInit as _, Nonce,
    aead::{Aead as _, Payload},
};
use chiliview_store::AdminId;

use crate::problem::Problem;

pub(super) const KEY: &str = "second-factors";
const NONCE: usize = 12;

/// The nonce, then the sealed text.
pub(super) fn seal(key: &[u8; 32], admin: AdminId, plain: &[u8]) -> Result<Vec<u8>, Problem> {
    let nonce: [u8; NONCE] = rand::random();
    let whose = admin.to_string();
    let payload = Payload { msg: plain, aad: whose.as_bytes() };
    let sealed = cipher(key).encrypt(&Nonce::from(nonce), payload);
    Ok([nonce.as_slice(), &sealed.map_err(Problem::internal)?].concat())
}

/// Nothing when it was sealed under another key, for another admin, or changed since.
pub(super) fn open(key: &[u8; 32], admin: AdminId, sealed: &[u8]) -> Option<Vec<u8>> {
    let (nonce, sealed) = sealed.split_first_chunk::<NONCE>()?;
    let whose = admin.to_string();
    cipher(key).decrypt(&Nonce::from(*nonce), Payload { msg: sealed, aad: whose.as_bytes() }).ok()
}

fn cipher(key: &[u8; 32]) -> ChaCha20Poly1305 {
    ChaCha20Poly1305::new(&Key::from(*key))
}

#[cfg(test)]
mod tests {
    use chiliview_store::Ids;

    use super::*;

    #[test]
    fn what_is_sealed_opens_under_its_key_for_its_admin_alone() {
        let (anna, berta): (AdminId, AdminId) = (Ids.next(), Ids.next());
        let sealed = seal(&[7; 32], anna, b"secret").unwrap();
        assert_eq!(open(&[7; 32], anna, &sealed).unwrap(), b"secret");
        assert!(!sealed.windows(6).any(|window| window == b"secret"));
        assert_eq!(open(&[8; 32], anna, &sealed), None);
        assert_eq!(open(&[7; 32], berta, &sealed), None);
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(open(&[7; 32], anna, &changed), None, "{at}");
            assert_eq!(open(&[7; 32], anna, &sealed[..at]), None, "{at}");
        }
    }
}
