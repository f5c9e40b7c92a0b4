//! A trace's place in a job's metadata.

use std::collections::BTreeMap;

use opentelemetry::Context;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::TraceContextExt;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use serde::{Deserialize, Serialize};

use crate::traceparent::{TRACESTATE_LIMIT, well_formed};

pub(crate) const TRACEPARENT: &str = "traceparent";
pub(crate) const TRACESTATE: &str = "tracestate";

/// `traceparent` and, where there is one, `tracestate`: a plain JSON object, empty when there was no trace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Carrier(BTreeMap<String, String>);

impl Carrier {
    /// Whether it carries no trace.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The `traceparent`, if it carries one.
    #[must_use]
    pub fn traceparent(&self) -> Option<&str> {
        self.0.get(TRACEPARENT).map(String::as_str)
    }

    /// The trace id, 32 hexadecimal digits, of the trace that it carries (W3C Trace Context, section 3.2.2.3).
    #[must_use]
    pub fn trace_id(&self) -> Option<&str> {
        self.traceparent().filter(|header| well_formed(header))?.split('-').nth(1)
    }

    pub(crate) fn of(context: &Context) -> Self {
        let mut carrier = Self::default();
        TraceContextPropagator::new().inject_context(context, &mut carrier);
        carrier
    }

    pub(crate) fn from_headers(traceparent: &str, tracestate: &str) -> Self {
        let mut carrier = Self::default();
        carrier.set(TRACEPARENT, traceparent.to_owned());
        carrier.set(TRACESTATE, tracestate.to_owned());
        carrier
    }

    /// The remote parent that it names, or `None` when it is empty, malformed or oversized.
    pub(crate) fn parent(&self) -> Option<Context> {
        if !self.traceparent().is_some_and(well_formed) {
            return None;
        }
        let context = TraceContextPropagator::new().extract_with_context(&Context::new(), self);
        context.has_active_span().then_some(context)
    }
}

impl Injector for Carrier {
    fn set(&mut self, key: &str, value: String) {
        if !value.is_empty() {
            self.0.insert(key.to_owned(), value);
        }
    }
}

impl Extractor for Carrier {
    fn get(&self, key: &str) -> Option<&str> {
        let value = self.0.get(key)?;
        let fits = key != TRACESTATE || value.len() <= TRACESTATE_LIMIT;
        fits.then_some(value)
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(String::as_str).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn it_is_a_plain_object_in_json() {
        let carrier = Carrier::from_headers(PARENT, "");
        let json = serde_json::to_string(&carrier).expect("text only");
        assert_eq!(json, format!("{{\"traceparent\":\"{PARENT}\"}}"));
        let back: Carrier = serde_json::from_str(&json).expect("it was just written");
        assert_eq!(back, carrier);
    }

    #[test]
    fn oversized_state_is_dropped_and_the_parent_kept() {
        let state = |bytes: usize| format!("vendor={}", "x".repeat(bytes));
        for (tracestate, kept) in [(state(40), state(40)), (state(TRACESTATE_LIMIT), String::new())] {
            let parent = Carrier::from_headers(PARENT, &tracestate).parent().expect("a sound parent");
            let span = parent.span().span_context().clone();
            assert_eq!(span.span_id().to_string(), "b7ad6b7169203331");
            assert_eq!(span.trace_state().header(), kept);
        }
    }

    #[test]
    fn a_damaged_carrier_has_no_parent() {
        assert!(Carrier::default().parent().is_none());
        assert!(Carrier::from_headers("00-1-2-01", "").parent().is_none());
    }
}
