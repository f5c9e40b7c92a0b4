//! Which spans are worth keeping: those of jobs, and of requests that asked for one. A span ends before the one around it, so
//! it waits until that one tells.

use std::collections::{HashMap, HashSet, VecDeque};

use chiliview_store::{
    Timestamp,
    json_text::JsonText,
    spans::{Span, SpanStatus},
};
use chiliview_telemetry::FinishedSpan;

/// Jobs that nobody looks back at, and that are many.
const DULL_JOBS: [&str; 2] = ["deliver", "prune"];
/// Requests below these ask for work that takes its time.
const ROUTES: [&str; 5] = ["/api/backups", "/api/restores", "/api/uploads", "/api/doctor", "/api/schedules/{}/run"];
/// Spans that wait for the ones around them; beyond that, the trace that waits longest goes.
const MOST_WAITING: usize = 4096;
/// Spans that are remembered as kept, for what ends after the one around it.
const REMEMBERED: usize = 4096;
/// Of one span.
const MOST_ATTRIBUTES: usize = 16;
const LONGEST_TEXT: usize = 300;
/// Where people sit is in the audit log, for whom it concerns.
const PRIVATE: &str = "client.address";

/// Decides, span by span.
pub(super) struct Picker {
    service: String,
    waiting: HashMap<String, Vec<FinishedSpan>>,
    /// The traces in `waiting`, in the order in which they came.
    arrivals: VecDeque<String>,
    held: usize,
    kept: HashMap<String, Option<String>>,
    keeping: VecDeque<String>,
}

/// What the end of a span says about it and all in it.
enum Verdict {
    Keep { subject: Option<String> },
    Drop,
    Wait,
}

impl Picker {
    pub(super) fn new(service: &str) -> Self {
        Self {
            service: service.to_owned(),
            waiting: HashMap::new(),
            arrivals: VecDeque::new(),
            held: 0,
            kept: HashMap::new(),
            keeping: VecDeque::new(),
        }
    }

    /// What is to be kept now that this span has ended.
    pub(super) fn take(&mut self, span: FinishedSpan) -> Vec<Span> {
        match verdict(&span) {
            Verdict::Keep { subject } => self.family(span).into_iter().map(|span| self.keep(span, &subject)).collect(),
            Verdict::Drop => {
                self.family(span);
                Vec::new()
            }
            Verdict::Wait => {
                let above = span.parent_id.as_ref().and_then(|parent| self.kept.get(parent)).cloned();
                match above {
                    Some(subject) => vec![self.keep(span, &subject)],
                    None => {
                        self.wait(span);
                        Vec::new()
                    }
                }
            }
        }
    }

    fn wait(&mut self, span: FinishedSpan) {
        let trace = span.trace_id.clone();
        let others = self.waiting.entry(trace.clone()).or_insert_with(|| {
            self.arrivals.push_back(trace);
            Vec::new()
        });
        others.push(span);
        self.held += 1;
        while self.held > MOST_WAITING {
            let Some(oldest) = self.arrivals.pop_front() else { return };
            self.held -= self.waiting.remove(&oldest).map_or(0, |gone| gone.len());
        }
    }

    /// The span with all that waits for it, taken out.
    fn family(&mut self, root: FinishedSpan) -> Vec<FinishedSpan> {
        let trace = root.trace_id.clone();
        let mut left = self.waiting.remove(&trace).unwrap_or_default();
        self.held -= left.len();
        let mut ids = HashSet::from([root.span_id.clone()]);
        let mut family = vec![root];
        loop {
            let is_ours = |span: &mut FinishedSpan| span.parent_id.as_ref().is_some_and(|parent| ids.contains(parent));
            let more: Vec<_> = left.extract_if(.., is_ours).collect();
            if more.is_empty() {
                break;
            }
            ids.extend(more.iter().map(|span| span.span_id.clone()));
            family.extend(more);
        }
        if left.is_empty() {
            self.arrivals.retain(|other| *other != trace);
        } else {
            self.held += left.len();
            self.waiting.insert(trace, left);
        }
        family
    }

    fn keep(&mut self, span: FinishedSpan, subject: &Option<String>) -> Span {
        self.kept.insert(span.span_id.clone(), subject.clone());
        self.keeping.push_back(span.span_id.clone());
        if self.keeping.len() > REMEMBERED
            && let Some(oldest) = self.keeping.pop_front()
        {
            self.kept.remove(&oldest);
        }
        row(span, subject.clone(), &self.service)
    }
}

fn verdict(span: &FinishedSpan) -> Verdict {
    if let Some(kind) = attribute(span, "job.kind") {
        let subject = attribute(span, "job.subject").map(str::to_owned);
        return if DULL_JOBS.contains(&kind) { Verdict::Drop } else { Verdict::Keep { subject } };
    }
    match (span.kind, asks_for_work(span)) {
        ("server", true) => Verdict::Keep { subject: None },
        ("server", false) => Verdict::Drop,
        _ => Verdict::Wait,
    }
}

/// A change that was made, or that failed through a fault of ours; what was refused leaves no trace.
fn asks_for_work(span: &FinishedSpan) -> bool {
    let method = attribute(span, "http.request.method").unwrap_or_default();
    let route = attribute(span, "http.route").unwrap_or_default();
    let status: u16 = attribute(span, "http.response.status_code").and_then(|text| text.parse().ok()).unwrap_or(0);
    matches!(method, "POST" | "PUT" | "PATCH" | "DELETE")
        && ROUTES
            .iter()
            .any(|kept| route.strip_prefix(kept).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
        && ((200..300).contains(&status) || status >= 500)
}

fn attribute<'s>(span: &'s FinishedSpan, name: &str) -> Option<&'s str> {
    span.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

fn row(span: FinishedSpan, subject: Option<String>, service: &str) -> Span {
    let micros = span.end.duration_since(span.start).unwrap_or_default().as_micros();
    let since_1970 = span.start.duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_micros();
    let attributes = span.attributes.into_iter().filter(|(key, _)| key != PRIVATE);
    Span {
        trace_id: span.trace_id,
        span_id: span.span_id,
        parent_id: span.parent_id,
        subject,
        name: short(&span.name),
        kind: span.kind.to_owned(),
        service: service.to_owned(),
        started_at: Timestamp::from_micros(i64::try_from(since_1970).unwrap_or(i64::MAX)),
        micros: i64::try_from(micros).unwrap_or(i64::MAX),
        status: if span.error { SpanStatus::Error } else { SpanStatus::Unset },
        error: span.reason.as_deref().map(short),
        attributes: JsonText(attributes.take(MOST_ATTRIBUTES).map(|(key, value)| (key, short(&value))).collect()),
    }
}

/// PostgreSQL takes no NUL in a text.
fn short(text: &str) -> String {
    text.chars().filter(|character| *character != '\0').take(LONGEST_TEXT).collect()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

    fn span(name: &str, id: &str, parent: Option<&str>, attributes: &[(&str, &str)]) -> FinishedSpan {
        let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_000_000);
        FinishedSpan {
            trace_id: TRACE.into(),
            span_id: id.into(),
            parent_id: parent.map(str::to_owned),
            name: name.into(),
            kind: if attributes.iter().any(|(key, _)| *key == "http.route") { "server" } else { "internal" },
            start,
            end: start + Duration::from_micros(1500),
            attributes: attributes.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
            error: false,
            reason: None,
        }
    }

    fn request(method: &str, route: &str, status: &str) -> FinishedSpan {
        let attributes = [
            ("http.request.method", method),
            ("http.route", route),
            ("http.response.status_code", status),
            (PRIVATE, "::1"),
        ];
        span("a request", "r", Some("caller"), &attributes)
    }

    fn names(spans: &[Span]) -> Vec<(&str, Option<&str>)> {
        spans.iter().map(|span| (span.name.as_str(), span.subject.as_deref())).collect()
    }

    #[test]
    fn a_request_that_asked_for_a_backup_is_kept_with_all_that_happened_in_it() {
        let mut picker = Picker::new("serve-1");
        assert!(picker.take(span("store.commit", "c", Some("r"), &[])).is_empty());
        let kept = picker.take(request("POST", "/api/backups", "202"));
        assert_eq!(names(&kept), [("a request", None), ("store.commit", None)]);
        assert_eq!((kept[0].micros, kept[0].service.as_str()), (1500, "serve-1"));
        assert!(!kept[0].attributes.0.contains_key(PRIVATE));
        assert_eq!(names(&picker.take(span("late", "l", Some("c"), &[]))), [("late", None)]);
        assert_eq!(picker.held, 0);
    }

    #[test]
    fn what_only_read_or_was_refused_is_dropped_with_all_that_happened_in_it() {
        let mut picker = Picker::new("serve-1");
        for (method, route, status) in [
            ("GET", "/api/backups", "200"),
            ("POST", "/api/backups", "401"),
            ("POST", "/api/tenants", "201"),
            ("POST", "/api/backupsx", "201"),
        ] {
            picker.take(span("store.commit", "c", Some("r"), &[]));
            assert!(picker.take(request(method, route, status)).is_empty(), "{method} {route} {status}");
            assert_eq!((picker.held, picker.arrivals.len()), (0, 0));
        }
    }

    #[test]
    fn two_jobs_of_one_trace_keep_apart_what_is_theirs() {
        let mut picker = Picker::new("worker-1");
        let job =
            |id, subject| span("job back_up", id, Some("r"), &[("job.kind", "back_up"), ("job.subject", subject)]);
        picker.take(span("snapshot.read", "a1", Some("a"), &[]));
        picker.take(span("store.commit", "b2", Some("b1"), &[]));
        picker.take(span("snapshot.read", "b1", Some("b"), &[]));
        assert_eq!(names(&picker.take(job("a", "A"))), [("job back_up", Some("A")), ("snapshot.read", Some("A"))]);
        let all_of_b = picker.take(job("b", "B"));
        assert_eq!(names(&all_of_b), ["job back_up", "snapshot.read", "store.commit"].map(|name| (name, Some("B"))));
        assert!(picker.take(span("job deliver", "d", None, &[("job.kind", "deliver")])).is_empty());
    }

    #[test]
    fn what_waits_for_ever_makes_room() {
        let mut picker = Picker::new("worker-1");
        for number in 0..3 * MOST_WAITING {
            let orphan = span("store.commit", &number.to_string(), Some("nobody"), &[]);
            picker.take(FinishedSpan { trace_id: format!("{:032x}", number % 100), ..orphan });
        }
        assert!(picker.held <= MOST_WAITING && picker.arrivals.len() <= 100, "{}", picker.held);
        assert_eq!(picker.held, picker.waiting.values().map(Vec::len).sum::<usize>());
    }
}
