//! What the doctor says: every sentence has a code that never changes, named parameters, and its English text in one place.
//!
//! Whoever says it in another language goes by code and parameters. What a system said (`error`, `complaint`) is in English
//! wherever it is said.

mod advice;
mod found;
mod object;
mod repair;

use serde::{Deserialize, Serialize};

pub use self::{advice::Advice, found::Found, object::Object, repair::Repair};

/// Sentences: each a variant with its parameters, its code, and its English text, in which every parameter has a place.
macro_rules! sentences {
    ($(#[$doc:meta])* $name:ident {
        $($variant:ident $({ $($param:ident: $kind:ty),+ })? = $code:literal: $text:literal),* $(,)?
    }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        #[serde(tag = "code", content = "params")]
        #[expect(missing_docs, reason = "the sentences say what each parameter is")]
        pub enum $name { $(#[doc = $text] #[serde(rename = $code)] $variant $({ $($param: $kind),+ })?),* }

        impl $name {
            /// The codes.
            pub const CODES: &'static [&'static str] = &[$($code),*];
        }
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                match self { $(Self::$variant $({ $($param),+ })? => write!(f, $text)),* }
            }
        }
    };
}
use sentences;

/// All that a line says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// What was looked at, when that is more than a name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<Object>,
    /// What was found.
    pub found: Found,
    /// What a repair did, or why it did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repair: Option<Repair>,
    /// What to do about it: the best way first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub advice: Vec<Advice>,
}

impl Said {
    /// What was found, and what was done, in English.
    #[must_use]
    pub fn message(&self) -> String {
        match &self.repair {
            None => self.found.to_string(),
            Some(repair) => format!("{}; {repair}", self.found),
        }
    }

    /// What to do about it, in English.
    #[must_use]
    pub fn advice(&self) -> Option<String> {
        let ways: Vec<_> = self.advice.iter().map(ToString::to_string).collect();
        (!ways.is_empty()).then(|| ways.join("; or by hand: "))
    }

    /// The codes of everything that can be said.
    pub fn codes() -> impl Iterator<Item = &'static str> {
        [Object::CODES, Found::CODES, Repair::CODES, Advice::CODES].into_iter().flatten().copied()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_code_means_one_sentence() {
        let different: BTreeSet<_> = Said::codes().collect();
        assert_eq!(different.len(), Said::codes().count());
        let is_word = |code: &&str| code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        assert!(Said::codes().all(|code| is_word(&code)), "{different:?}");
    }
}
