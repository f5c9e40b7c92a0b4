//! The framework's own refusals, said as problems.

use std::collections::{BTreeMap, BTreeSet};

use http::{HeaderMap, Uri};
use poem::{
    PathPattern, Request,
    error::{MethodNotAllowedError, ReadBodyError},
};
use poem_openapi::{
    OpenApi,
    error::{ContentTypeError, ParseParamError, ParsePathError, ParseRequestPayloadError},
};

use super::{body, trace::template};
use crate::problem::{FieldError, Problem};

/// The methods of each route: the router refuses the others without saying which there are.
#[derive(Debug, Clone, Default)]
pub struct AllowedMethods(BTreeMap<String, BTreeSet<String>>);

impl AllowedMethods {
    /// Those of an API that is mounted under `prefix`.
    pub fn of<A: OpenApi>(prefix: &str) -> Self {
        let mut allowed = Self::default();
        for path in A::meta().into_iter().flat_map(|api| api.paths) {
            let route = format!("{prefix}{}", path.path);
            for operation in path.operations {
                allowed = allowed.with(&route, operation.method.as_str());
            }
        }
        allowed
    }

    /// And one method of one more route; HEAD comes with GET.
    #[must_use]
    pub fn with(mut self, route: &str, method: &str) -> Self {
        let methods = self.0.entry(template(route)).or_default();
        methods.insert(method.to_owned());
        if method == "GET" {
            methods.insert("HEAD".to_owned());
        }
        self
    }

    /// The `Allow` header of a route; what is not listed is a file or a page.
    fn allow(&self, pattern: Option<&PathPattern>) -> String {
        let methods = pattern.and_then(|pattern| self.0.get(&template(&pattern.0)));
        let join = |methods: &BTreeSet<String>| methods.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        methods.map_or_else(|| "GET, HEAD".to_owned(), join)
    }
}

/// What is kept of a request to tell where a parameter stood.
pub(super) struct Seen {
    uri: Uri,
    headers: Vec<String>,
}

impl Seen {
    pub(super) fn of(request: &Request) -> Self {
        let names = |headers: &HeaderMap| headers.keys().map(|name| name.as_str().to_owned()).collect();
        Self { uri: request.uri().clone(), headers: names(request.headers()) }
    }

    /// The framework does not say whether a parameter was looked for in the query or in a header.
    fn place(&self, name: &str) -> &'static str {
        let query = self.uri.query().unwrap_or_default();
        let in_query = query.split('&').any(|pair| pair.split('=').next() == Some(name));
        let lower = name.to_ascii_lowercase();
        match !in_query && (self.headers.contains(&lower) || name.contains('-')) {
            true => "header",
            false => "query",
        }
    }
}

/// What to answer for `error`.
pub(super) fn problem(error: poem::Error, seen: &Seen, allowed: &AllowedMethods) -> Problem {
    if let Some(problem) = error.downcast_ref::<Problem>() {
        return problem.clone();
    }
    if error.is::<MethodNotAllowedError>() {
        return Problem::method_not_allowed(&allowed.allow(error.data()));
    }
    if let Some(ParseParamError { name, reason }) = error.downcast_ref() {
        return parameter(seen.place(name), name, reason);
    }
    if let Some(ParsePathError { name, reason }) = error.downcast_ref() {
        return parameter("path", name.trim_start_matches("param"), reason);
    }
    if let Some(ParseRequestPayloadError { reason }) = error.downcast_ref() {
        return Problem::bad_request(reason.as_str());
    }
    if let Some(ReadBodyError::Io(error)) = error.downcast_ref() {
        return body::refusal(error);
    }
    if error.is::<ContentTypeError>() {
        return Problem::unsupported_media_type("the documented content type");
    }
    Problem::from_status(error.status(), error.to_string())
}

/// `reason` is `failed to parse "integer": invalid digit (occurred while parsing "optional_integer")`, or a validator's.
fn parameter(place: &str, name: &str, reason: &str) -> Problem {
    let pointer = format!("/{place}/{name}");
    if reason.contains("expects an input value") {
        return Problem::invalid_parameter(FieldError::new(pointer, "required", "must be given"));
    }
    let detail = reason.split(" (occurred while").next().unwrap_or(reason);
    let detail = match detail.strip_prefix("failed to parse ") {
        Some(rest) => rest.split_once(": ").map_or(rest, |(_, why)| why),
        None => detail,
    };
    Problem::invalid_parameter(FieldError::new(pointer, "invalid_value", detail))
}
