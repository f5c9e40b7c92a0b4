//! A caller who only listens: a console that lies open with nobody at it reconnects by itself, and its session shall idle out.

use poem::{Request, RequestBody};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions, registry::Registry};

use super::{Caller, Use, identify};

/// As [`Caller`], but the request is no use of the session or the key.
pub(crate) struct Listener(pub(crate) Caller);

impl<'a> ApiExtractor<'a> for Listener {
    const TYPES: &'static [ApiExtractorType] = Caller::TYPES;

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        Caller::register(registry);
    }

    fn security_schemes() -> Vec<&'static str> {
        Caller::security_schemes()
    }

    async fn from_request(
        request: &'a Request,
        _body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        Ok(Self(identify(request, Use::CountsNot).await?))
    }
}
