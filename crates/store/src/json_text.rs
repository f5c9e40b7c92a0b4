//! JSON in a TEXT column, the same bytes on both engines.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sqlx::{Database, Decode, Encode, Postgres, Sqlite, Type, encode::IsNull, error::BoxDynError};

/// A value kept as JSON text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JsonText<T>(pub T);

macro_rules! engine {
    ($engine:ident) => {
        impl<T> Type<$engine> for JsonText<T> {
            fn type_info() -> <$engine as Database>::TypeInfo {
                <String as Type<$engine>>::type_info()
            }
            fn compatible(info: &<$engine as Database>::TypeInfo) -> bool {
                <String as Type<$engine>>::compatible(info)
            }
        }
        impl<'q, T: Serialize> Encode<'q, $engine> for JsonText<T> {
            fn encode_by_ref(&self, buffer: &mut <$engine as Database>::ArgumentBuffer) -> Result<IsNull, BoxDynError> {
                <String as Encode<'q, $engine>>::encode(serde_json::to_string(&self.0)?, buffer)
            }
        }
        impl<'r, T: DeserializeOwned> Decode<'r, $engine> for JsonText<T> {
            fn decode(value: <$engine as Database>::ValueRef<'r>) -> Result<Self, BoxDynError> {
                Ok(Self(serde_json::from_str(<&str as Decode<'r, $engine>>::decode(value)?)?))
            }
        }
    };
}

engine!(Sqlite);
engine!(Postgres);
