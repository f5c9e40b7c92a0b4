//! `Idempotency-Key`: the same key and the same request get the first answer again; the answer is remembered in the
//! transaction of the change, so there is never one without the other.

use std::time::Duration;

use chiliview_store::{
    Timestamp, Tx,
    idempotency::{self, Answer},
};
use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};

use crate::{
    caller::Caller,
    problem::{FieldError, Problem},
};

const LONGEST_KEY: usize = 255;
/// How long first answers are remembered.
pub const REMEMBERED: Duration = Duration::from_secs(24 * 3600);

/// A request that may come again.
pub struct Once {
    caller: String,
    key: Option<String>,
    request_hash: String,
}

/// A first answer.
pub struct First<T> {
    /// Where the object is found.
    pub location: String,
    /// What is answered.
    pub body: T,
}

impl Once {
    /// `operation` and `input` are what must be the same when the key comes again.
    pub fn new(caller: &Caller, key: Option<String>, operation: &str, input: &impl Serialize) -> Result<Self, Problem> {
        if let Some(key) = &key
            && (key.is_empty() || key.len() > LONGEST_KEY)
        {
            let detail = format!("must have 1 to {LONGEST_KEY} characters");
            return Err(Problem::invalid_parameter(FieldError::new("/header/Idempotency-Key", "invalid", detail)));
        }
        let input = serde_json::to_vec(&(operation, input)).map_err(Problem::internal)?;
        Ok(Self { caller: caller.key(), key, request_hash: hex::encode(Sha256::digest(input)) })
    }

    /// The answer that was given before, if any. Another request under the same key is a conflict.
    pub async fn before<T: DeserializeOwned>(&self, tx: &mut Tx) -> Result<Option<First<T>>, Problem> {
        let Some(key) = &self.key else { return Ok(None) };
        let Some(answer) = idempotency::find(tx, &self.caller, key).await? else { return Ok(None) };
        if answer.request_hash != self.request_hash {
            let detail = "this Idempotency-Key was used for another request";
            return Err(Problem::conflict("idempotency_key_reused", detail));
        }
        let body = serde_json::from_str(&answer.body).map_err(Problem::internal)?;
        Ok(Some(First { location: answer.location.unwrap_or_default(), body }))
    }

    /// Remembers the answer, and forgets those of long ago: nobody else goes through the tenants' databases for that.
    pub async fn remember<T: Serialize>(&self, tx: &mut Tx, first: &First<T>, at: Timestamp) -> Result<(), Problem> {
        let Some(key) = &self.key else { return Ok(()) };
        let answer = Answer {
            request_hash: self.request_hash.clone(),
            location: Some(first.location.clone()),
            body: serde_json::to_string(&first.body).map_err(Problem::internal)?,
        };
        idempotency::delete_older(tx, at.minus(REMEMBERED)).await?;
        Ok(idempotency::remember(tx, &self.caller, key, &answer, at).await?)
    }
}
