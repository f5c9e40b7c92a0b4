//! The console's files, as its build left them in `services/console/dist`, inside this binary. Without them there is one
//! page that says how to build them. Whatever the path, nothing of the API, the probes or the metrics is answered here.

mod encoding;
mod site;

use std::sync::Arc;

use http::{HeaderValue, Method, StatusCode, header};
use poem::{Endpoint, Request, Response};

pub use self::site::Site;
use self::site::{File, Variant};
use crate::{
    problem::Problem,
    ranges::{Validators, Verdict, evaluate},
};

const INDEX: &str = "index.html";
/// The first segments of paths that belong to others, whether they have an answer or not.
const RESERVED: [&str; 4] = ["api", "livez", "readyz", "metrics"];
/// Where the build puts files that carry their hash in their name.
const HASHED: &str = "assets/";

/// Answers for every path that nobody else answers for.
#[derive(Clone)]
pub(crate) struct Console(Arc<Site>);

impl Console {
    pub(crate) fn new(site: Site) -> Self {
        Self(Arc::new(site))
    }

    fn answer(&self, request: &Request) -> Result<Response, Problem> {
        let path = request.uri().path().trim_start_matches('/');
        let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
        if RESERVED.contains(&path.split('/').next().unwrap_or_default()) {
            return Err(Problem::not_found("resource"));
        }
        let (file, vary) = match self.0.find(if path.is_empty() { INDEX } else { path }) {
            Some(file) => (file, "accept-encoding"),
            // A page of the console: its script finds out which.
            None if is_read && !path.starts_with(HASHED) && wants_page(request) => {
                (self.0.find(INDEX).ok_or_else(|| Problem::not_found("resource"))?, "accept, accept-encoding")
            }
            None => return Err(Problem::not_found("resource")),
        };
        if !is_read {
            return Err(Problem::method_not_allowed("GET, HEAD"));
        }
        Ok(send(request, file, vary))
    }
}

impl Endpoint for Console {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        Ok(self.answer(&request)?)
    }
}

/// Browsers say so when somebody goes to a page, and not for what a page loads.
fn wants_page(request: &Request) -> bool {
    let accept = request.headers().get_all(header::ACCEPT);
    accept.iter().filter_map(|value| value.to_str().ok()).any(|value| value.contains("text/html"))
}

fn send(request: &Request, file: &File, vary: &'static str) -> Response {
    let variant = encoding::choose(file, request.headers());
    let validators = Validators { etag: variant.etag.clone(), last_modified: None };
    let builder = Response::builder()
        .header(header::ETAG, &variant.etag)
        .header(header::CACHE_CONTROL, file.cache_control)
        .header(header::VARY, vary);
    match evaluate(request.method(), request.headers(), &validators) {
        Verdict::NotModified => builder.status(StatusCode::NOT_MODIFIED).finish(),
        Verdict::Failed => poem::IntoResponse::into_response(Problem::precondition_failed()),
        Verdict::Proceed { .. } => {
            let mut response = builder.content_type(file.content_type).body(body(request.method(), variant));
            let headers = response.headers_mut();
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from(variant.bytes.len()));
            if let Some(coding) = variant.coding {
                headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding));
            }
            response
        }
    }
}

fn body(method: &Method, variant: &Variant) -> poem::Body {
    if method == Method::HEAD { poem::Body::empty() } else { variant.bytes.clone().into() }
}
