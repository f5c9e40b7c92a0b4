//! What the attempts of this process came to, and how long they took, for whoever scrapes it.

use std::{sync::Arc, time::Instant};

use chiliview_store::queue::Ending;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};

/// A job takes milliseconds (a notice) to hours (a large database on a slow shelf).
const BUCKETS: [f64; 10] = [0.05, 0.25, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 21600.0];

/// Counts attempts. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Attempts(Arc<Counted>);

#[derive(Debug)]
struct Counted {
    ended: Family<Ended, Counter>,
    running: Family<Kind, Gauge>,
    seconds: Family<Kind, Histogram>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Kind {
    kind: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Ended {
    kind: &'static str,
    outcome: &'static str,
}

impl Default for Counted {
    fn default() -> Self {
        let histogram: fn() -> Histogram = || Histogram::new(BUCKETS);
        Self { ended: Family::default(), running: Family::default(), seconds: Family::new_with_constructor(histogram) }
    }
}

impl Attempts {
    /// Adds them to what is scraped.
    pub fn register(&self, registry: &mut Registry) {
        let help = "Attempts at jobs that ended in this process, by what came of them";
        registry.register("job_attempts", help, self.0.ended.clone());
        registry.register("jobs_running", "Attempts that run in this process", self.0.running.clone());
        let help = "How long attempts at jobs took";
        registry.register_with_unit("job_attempt_duration", help, Unit::Seconds, self.0.seconds.clone());
    }

    pub(super) fn begin(&self, kind: &'static str) -> Running {
        self.0.running.get_or_create(&Kind { kind }).inc();
        Running { attempts: self.clone(), kind, since: Instant::now(), outcome: "stopped" }
    }
}

/// One that runs; it counts when it is dropped, however that comes.
pub(super) struct Running {
    attempts: Attempts,
    kind: &'static str,
    since: Instant,
    outcome: &'static str,
}

impl Running {
    pub(super) fn ended(&mut self, ending: &Ending) {
        self.outcome = match ending {
            Ending::Done => "done",
            Ending::Retry { .. } => "retry",
            Ending::PutOff { .. } => "put_off",
            Ending::Failed { .. } => "failed",
        };
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let (counted, kind) = (&self.attempts.0, self.kind);
        counted.running.get_or_create(&Kind { kind }).dec();
        counted.ended.get_or_create(&Ended { kind, outcome: self.outcome }).inc();
        counted.seconds.get_or_create(&Kind { kind }).observe(self.since.elapsed().as_secs_f64());
    }
}
