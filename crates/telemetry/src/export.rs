//! The tracer: always there, exporting over OTLP/HTTP only when an endpoint is set.
//!
//! The SDK's batch processor drives its exporter from a plain thread, where hyper finds no reactor. So the exporter brings a
//! runtime of one thread, which also keeps a flush independent of the application's runtime.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_http::hyper::HyperClient;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Sampler, SdkTracer, SdkTracerProvider};
use tokio::runtime::{Builder, Handle, Runtime};

use crate::sink::SinkProcessor;
use crate::{Error, Settings};

/// One export, retries included; shorter than [`STOP_TIMEOUT`], so that a flush outlives an export under way.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(3);
const STOP_TIMEOUT: Duration = Duration::from_secs(5);
const TRACES_PATH: &str = "/v1/traces";

/// The running tracer provider and, with an endpoint, the exporter's runtime.
pub(crate) struct Traces {
    provider: SdkTracerProvider,
    runtime: Option<Runtime>,
}

impl Traces {
    pub(crate) fn start(settings: &Settings) -> Result<Self, Error> {
        if !(0.0..=1.0).contains(&settings.sample_ratio) {
            return Err(Error::SampleRatio(settings.sample_ratio));
        }
        let ratio = Sampler::TraceIdRatioBased(settings.sample_ratio);
        let mut provider = SdkTracerProvider::builder()
            .with_resource(resource(settings))
            .with_sampler(Sampler::ParentBased(Box::new(ratio)));
        if let Some(sink) = &settings.sink {
            provider = provider.with_span_processor(SinkProcessor(Arc::clone(sink)));
        }
        let mut runtime = None;
        if let Some(endpoint) = &settings.otlp_endpoint {
            let own = exporter_runtime()?;
            provider = provider.with_batch_exporter(exporter(endpoint, own.handle())?);
            runtime = Some(own);
        }
        Ok(Self { provider: provider.build(), runtime })
    }

    pub(crate) fn provider(&self) -> SdkTracerProvider {
        self.provider.clone()
    }

    pub(crate) fn tracer(&self) -> SdkTracer {
        self.provider.tracer("chiliview")
    }

    /// Exports what is left and stops, within [`STOP_TIMEOUT`].
    pub(crate) fn stop(&mut self) -> OTelSdkResult {
        let outcome = self.provider.shutdown_with_timeout(STOP_TIMEOUT);
        if let Some(runtime) = self.runtime.take() {
            // Dropping a runtime inside another one panics; this neither waits nor panics.
            runtime.shutdown_background();
        }
        outcome
    }
}

fn resource(settings: &Settings) -> Resource {
    let version = KeyValue::new("service.version", settings.service_version.clone());
    let instance = (!settings.service_instance.is_empty())
        .then(|| KeyValue::new("service.instance.id", settings.service_instance.clone()));
    Resource::builder().with_service_name("chiliview").with_attribute(version).with_attributes(instance).build()
}

fn exporter_runtime() -> Result<Runtime, Error> {
    Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("chiliview-otlp")
        .enable_all()
        .build()
        .map_err(Error::Runtime)
}

fn exporter(endpoint: &str, runtime: &Handle) -> Result<SpanExporter, Error> {
    let client =
        OnRuntime { runtime: runtime.clone(), client: HyperClient::with_default_connector(EXPORT_TIMEOUT, None) };
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(client)
        .with_endpoint(traces_url(endpoint)?)
        .with_timeout(EXPORT_TIMEOUT)
        .build()?;
    Ok(exporter)
}

/// The whole URL that the exporter wants, from a collector's base URL.
fn traces_url(endpoint: &str) -> Result<String, Error> {
    let url: http::Uri = endpoint.parse().map_err(|_| Error::Endpoint("it is not a URL"))?;
    if url.scheme_str() != Some("http") {
        return Err(Error::Endpoint("it must start with http://"));
    }
    if url.query().is_some() {
        return Err(Error::Endpoint("it must not have a query"));
    }
    let base = endpoint.trim_end_matches('/');
    if base.ends_with(TRACES_PATH) {
        return Ok(base.to_owned());
    }
    Ok(format!("{base}{TRACES_PATH}"))
}

/// Sends on the exporter's own runtime, whatever thread asks.
#[derive(Debug)]
struct OnRuntime {
    runtime: Handle,
    client: HyperClient,
}

type Sent<'a> = Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'a>>;

impl HttpClient for OnRuntime {
    fn send_bytes<'a, 'b>(&'a self, request: Request<Bytes>) -> Sent<'b>
    where
        'a: 'b,
        Self: 'b,
    {
        let client = self.client.clone();
        let sent = self.runtime.spawn(async move { client.send_bytes(request).await });
        Box::pin(async move { sent.await? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_traces_path_is_appended_once() {
        for endpoint in ["http://127.0.0.1:4318", "http://127.0.0.1:4318/", "http://127.0.0.1:4318/v1/traces"] {
            let url = traces_url(endpoint).expect("a sound endpoint");
            assert_eq!(url, "http://127.0.0.1:4318/v1/traces");
        }
        let below = traces_url("http://collector/otlp/").expect("a sound endpoint");
        assert_eq!(below, "http://collector/otlp/v1/traces");
    }

    #[test]
    fn an_endpoint_that_cannot_work_is_refused_at_start() {
        for endpoint in ["", "127.0.0.1:4318", "https://collector", "http://c/?key=1"] {
            let refused = traces_url(endpoint).expect_err("it cannot work");
            assert!(matches!(refused, Error::Endpoint(_)), "{endpoint}");
        }
    }

    #[test]
    fn a_sample_ratio_outside_zero_to_one_is_refused() {
        for sample_ratio in [-0.1, 1.1, f64::NAN] {
            let settings = Settings { sample_ratio, ..Settings::default() };
            assert!(Traces::start(&settings).is_err(), "{sample_ratio}");
        }
    }
}
