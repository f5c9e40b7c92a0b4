//! JSON in and out, and how a resource declares its types:
//! input `#[derive(Deserialize, Validate, Object)] #[serde(deny_unknown_fields)]`, a `#[garde(…)]` rule on every field;
//! output `#[derive(Serialize, Object)] #[oai(skip_serializing_if_is_none)]`, `#[serde(skip_serializing_if = "Option::is_none")]` on every `Option`.
//! serde reads and writes, poem-openapi describes. Names are the fields' names; a rename is written for both.

mod parse;
mod patch;
mod reply;
mod rules;

use std::ops::{Deref, DerefMut};

use garde::Validate;
use poem::{IntoResponse, Request, RequestBody, Response};
use poem_openapi::{
    ApiExtractor, ApiExtractorType, ApiResponse, ExtractParamOptions,
    payload::Payload,
    registry::{MetaMediaType, MetaRequest, MetaResponse, MetaResponses, MetaSchemaRef, Registry},
    types::{ToJSON, Type},
};
use serde::{Serialize, de::DeserializeOwned};

pub use self::{
    patch::Patch,
    reply::{Accepted, Created, NoContent},
};
pub(crate) use self::{patch::required, rules::broken};
use crate::{edge::body, problem::Problem};

/// A JSON body. As a handler's parameter it is read, validated, and refused with all fields that are wrong;
/// as its answer it is a 200.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Json<T>(pub T);

impl<T> Deref for Json<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for Json<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T: Type> Payload for Json<T> {
    const CONTENT_TYPE: &'static str = "application/json";

    /// `application/json` and its `+json` relatives, whatever the parameters.
    fn check_content_type(content_type: &str) -> bool {
        let essence = content_type.split(';').next().unwrap_or_default();
        let essence = essence.trim().to_ascii_lowercase();
        essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
    }

    fn schema_ref() -> MetaSchemaRef {
        T::schema_ref()
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

impl<'a, T> ApiExtractor<'a> for Json<T>
where
    T: Type + DeserializeOwned + Validate<Context = ()>,
{
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        Some(MetaRequest { description: None, content: media::<T>(), required: true })
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        if !request.content_type().is_some_and(Self::check_content_type) {
            return Err(Problem::unsupported_media_type(Self::CONTENT_TYPE).into());
        }
        let bytes = body::read_all(body.take()?, request.data()).await?;
        Ok(Self(parse::parse(&bytes)?))
    }
}

impl<T: Serialize + ToJSON> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        debug_assert!(
            serde_json::to_value(&self.0).is_ok_and(|json| same_shape(&json, self.0.to_json())),
            "serde and poem-openapi disagree about {}: a rename or a skip is written for one of them only",
            T::name(),
        );
        match serde_json::to_vec(&self.0) {
            Ok(bytes) => Response::builder().content_type(Self::CONTENT_TYPE).body(bytes),
            Err(error) => Problem::internal(error).into_response(),
        }
    }
}

impl<T: Serialize + ToJSON> ApiResponse for Json<T> {
    fn meta() -> MetaResponses {
        answer("", 200, media::<T>())
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

fn media<T: Type>() -> Vec<MetaMediaType> {
    vec![MetaMediaType { content_type: Json::<T>::CONTENT_TYPE, schema: T::schema_ref() }]
}

fn answer(description: &'static str, status: u16, content: Vec<MetaMediaType>) -> MetaResponses {
    let response = MetaResponse { description, status: Some(status), status_range: None, content, headers: vec![] };
    MetaResponses { responses: vec![response] }
}

/// Whether two renderings have the same keys, lengths and nulls; the spelling of a value (a date, say) may differ.
fn same_shape(a: &serde_json::Value, b: Option<serde_json::Value>) -> bool {
    use serde_json::Value::{Array, Null, Object};
    match (a, b.unwrap_or_default()) {
        (Object(a), Object(mut b)) => a.len() == b.len() && a.iter().all(|(k, v)| same_shape(v, b.remove(k))),
        (Array(a), Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_shape(a, Some(b))),
        (Null, b) => b.is_null(),
        (_, b) => !b.is_null() && !b.is_array() && !b.is_object(),
    }
}

#[cfg(test)]
mod tests;
