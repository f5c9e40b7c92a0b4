//! What the doctor says as codes and parameters, for clients that say it in another language.

use std::{borrow::Cow, collections::BTreeMap};

use chiliview_doctor::{Check, Said};
use poem_openapi::{
    Object,
    registry::{MetaSchema, MetaSchemaRef, Registry},
    types::{ParseError, ParseFromJSON, ParseResult, ToJSON, Type},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The words of a check as codes.
#[derive(Clone, Debug, Serialize, Deserialize, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct CheckWords {
    /// What was looked at, when that is more than a name.
    #[serde(alias = "object", skip_serializing_if = "Option::is_none")]
    pub target: Option<DoctorSentence>,
    /// What was found.
    pub found: DoctorSentence,
    /// What a repair did, or why it did not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repair: Option<DoctorSentence>,
    /// What to do about it: the best way first.
    #[serde(default)]
    pub advice: Vec<DoctorSentence>,
}

/// One sentence of the doctor's.
#[derive(Clone, Debug, Serialize, Deserialize, Object)]
pub struct DoctorSentence {
    /// Which: never used for another one.
    pub code: DoctorCode,
    /// What it tells, by names that belong to the code. What a system said (`error`, `complaint`) is in English.
    #[serde(default)]
    pub params: BTreeMap<String, DoctorParam>,
}

/// A check, by its word; one of an older version need not be among those of this one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DoctorCheck(String);

/// Which sentence it is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DoctorCode(String);

/// A word or a number.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum DoctorParam {
    /// A word.
    Text(String),
    /// A number.
    Number(i64),
}

/// A type with a name and a schema in the document, and with serde's JSON.
macro_rules! described {
    ($name:ident, $schema:expr) => {
        impl Type for $name {
            const IS_REQUIRED: bool = true;

            type RawValueType = Self;
            type RawElementValueType = Self;

            fn name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn schema_ref() -> MetaSchemaRef {
                MetaSchemaRef::Reference(Self::name().into_owned())
            }

            fn register(registry: &mut Registry) {
                registry.create_schema::<Self, _>(Self::name().into_owned(), |_| $schema);
            }

            fn as_raw_value(&self) -> Option<&Self> {
                Some(self)
            }

            fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
                Box::new(std::iter::once(self))
            }
        }

        impl ParseFromJSON for $name {
            fn parse_from_json(value: Option<Value>) -> ParseResult<Self> {
                serde_json::from_value(value.unwrap_or_default()).map_err(ParseError::custom)
            }
        }

        impl ToJSON for $name {
            fn to_json(&self) -> Option<Value> {
                serde_json::to_value(self).ok()
            }
        }
    };
}

described!(DoctorCheck, one_of("A check of the doctor's. Later versions have more.", Check::WORDS.iter().copied()));
described!(DoctorCode, one_of("What the doctor can say. Later versions say more.", Said::codes()));
described!(
    DoctorParam,
    MetaSchema {
        description: Some("A word or a number."),
        any_of: vec![String::schema_ref(), i64::schema_ref()],
        ..MetaSchema::ANY
    }
);

fn one_of(description: &'static str, words: impl Iterator<Item = &'static str>) -> MetaSchema {
    let enum_items = words.map(Value::from).collect();
    MetaSchema { description: Some(description), enum_items, ..MetaSchema::new("string") }
}

impl From<String> for DoctorCheck {
    fn from(name: String) -> Self {
        Self(name)
    }
}

/// A line's words as they are kept. None when another version kept them, and this one cannot say them all: the English stands.
pub(super) fn known(kept: Value) -> Option<CheckWords> {
    serde_json::from_value::<Said>(kept.clone()).ok()?;
    serde_json::from_value(kept).ok()
}
