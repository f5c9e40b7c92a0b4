//! What the hash of a password may ask of whoever computes it. The hash itself says how much, and a database that somebody
//! brought along holds hashes of his making.

use futures::TryStreamExt as _;
use sqlx::SqliteConnection;

use crate::{
    error::{Error, Result},
    seam::{Connection, Database},
};

/// KiB of memory, passes and lanes of Argon2id (RFC 9106, 3.1), as OWASP recommends them
/// (<https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html>). No release has hashed with more.
pub const MEMORY_KIB: u32 = 19_456;
/// See [`MEMORY_KIB`].
pub const PASSES: u32 = 2;
/// See [`MEMORY_KIB`].
pub const LANES: u32 = 1;
/// Bytes of the salt, as RFC 9106 recommends them.
pub const SALT_BYTES: usize = 16;
/// Bytes of what comes out.
pub const OUTPUT_BYTES: usize = 32;

/// Of a hash within the bounds: 97 at the most.
const LONGEST: i64 = 128;
/// Of all texts of a user together; ours take some thousand bytes.
const LONGEST_TEXTS: i64 = 64 << 10;

/// Whether it is the Argon2id hash, as a PHC string, of a release of ours: none asks for more than those do.
#[must_use]
pub fn is_within_bounds(hash: &str) -> bool {
    let mut fields = hash.split('$');
    let mut next = || fields.next().unwrap_or_default();
    let within = next().is_empty()
        && next() == "argon2id"
        && next() == "v=19"
        && are_costs(next())
        && is_base64_of(next(), SALT_BYTES)
        && is_base64_of(next(), OUTPUT_BYTES);
    within && fields.next().is_none()
}

fn are_costs(params: &str) -> bool {
    let mut params = params.split(',');
    let mut is_cost = |name, most| {
        let digits = params.next().and_then(|param| param.strip_prefix(name)).unwrap_or_default();
        let number = digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse::<u32>());
        matches!(number, Some(Ok(cost)) if cost <= most)
    };
    is_cost("m=", MEMORY_KIB) && is_cost("t=", PASSES) && is_cost("p=", LANES) && params.next().is_none()
}

/// Without padding, as PHC strings have it.
fn is_base64_of(text: &str, most_bytes: usize) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/';
    !text.is_empty() && text.len() <= (most_bytes * 8).div_ceil(6) && text.bytes().all(letter)
}

/// What no release of ours writes into `users`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Strange {
    /// A hash that asks for too much, or is none.
    #[error("the password hash of the user {user} is none that ChiliView makes")]
    Hash {
        /// His id, as it stands there.
        user: String,
    },
    /// Texts that nobody could have typed.
    #[error("what it says of the user {user} is longer than ChiliView lets anybody write")]
    Texts {
        /// His id, as it stands there.
        user: String,
    },
}

/// The first strange user in a tenant's database, which need not be ours. Row by row: no value that is too long is read.
pub async fn strange_of_file(connection: &mut SqliteConnection) -> Result<Option<Strange>> {
    let mut rows = sqlx::query_as::<_, (String, bool, Option<String>)>(
        "SELECT substr(id, 1, 36),
                octet_length(id) + octet_length(username) + octet_length(username_key) + octet_length(email)
                    + octet_length(email_key) + coalesce(octet_length(given_name), 0)
                    + coalesce(octet_length(family_name), 0) + octet_length(display_name) + octet_length(search) > $1,
                CASE WHEN octet_length(password_hash) > $2 THEN '' ELSE password_hash END
         FROM main.users",
    )
    .bind(LONGEST_TEXTS)
    .bind(LONGEST)
    .fetch(connection);
    while let Some((id, too_long, hash)) = rows.try_next().await? {
        let user = id.chars().filter(|letter| letter.is_ascii_alphanumeric() || *letter == '-').collect();
        if too_long {
            return Ok(Some(Strange::Texts { user }));
        }
        if hash.is_some_and(|hash| !is_within_bounds(&hash)) {
            return Ok(Some(Strange::Hash { user }));
        }
    }
    Ok(None)
}

/// As [`strange_of_file`], of a database that is open. A schema on PostgreSQL was a file before, and was asked then.
pub async fn strange(database: &Database) -> Result<Option<Strange>> {
    let found = database.read(async |tx| match tx.connection() {
        Connection::Sqlite(connection) => strange_of_file(connection).await,
        Connection::Postgres(_) => Ok::<_, Error>(None),
    });
    found.await
}

#[cfg(test)]
mod tests {
    use super::*;

    const SALT: &str = "Y2hpbGl2aWV3IG5vYm9keQ";
    const OUTPUT: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

    fn with(params: &str) -> String {
        format!("$argon2id$v=19${params}${SALT}${OUTPUT}")
    }

    #[test]
    fn what_we_make_and_less_is_within_bounds() {
        assert!(is_within_bounds(&with("m=19456,t=2,p=1")));
        assert!(is_within_bounds(&with("m=64,t=1,p=1")));
    }

    #[test]
    fn what_asks_for_more_or_is_something_else_is_not() {
        let costs = ["m=19457,t=2,p=1", "m=4194304,t=2,p=1", "m=19456,t=3,p=1", "m=19456,t=4294967295,p=1"];
        let others = ["m=19456,t=2,p=2", "m=99999999999,t=2,p=1", "m=+8,t=2,p=1", "m=,t=2,p=1", "t=2,m=8,p=1"];
        let more = ["m=8,t=1,p=1,data=AAAA", "m=8,t=1,p=1,keyid=AAAA", "m=8,t=1", ""];
        for params in costs.iter().chain(&others).chain(&more) {
            assert!(!is_within_bounds(&with(params)), "{params}");
        }
        let ours = with("m=8,t=1,p=1");
        for other in [
            ours.replace("argon2id", "argon2d"),
            ours.replace("v=19", "v=16"),
            ours.replace("$v=19", ""),
            format!("{ours}$"),
            format!("{ours}A"),
            ours.replace(SALT, &format!("{SALT}A")),
            ours.replace(SALT, ""),
            ours.replace(OUTPUT, ""),
            ours[1..].to_owned(),
            "x".repeat(100 << 20),
            String::new(),
        ] {
            assert!(!is_within_bounds(&other), "{}", &other[..other.len().min(120)]);
        }
    }
}
