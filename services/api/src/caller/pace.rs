//! How many requests a tenant's people and programs may make: one that asks without end slows nobody else down.

use std::num::NonZeroU32;

use chiliview_store::TenantId;
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter, clock::Clock as _};

use super::Caller;
use crate::problem::Problem;

/// Counts what each tenant asks for in this process (a leaky bucket, GCRA): as many as a minute grants at once, and then as fast
/// as they drain. It keeps a few bytes for each tenant that ever asked.
pub(crate) struct Pace(Option<(NonZeroU32, DefaultKeyedRateLimiter<TenantId>)>);

impl Pace {
    /// Without a number there is no bound.
    pub(crate) fn new(a_minute: Option<NonZeroU32>) -> Self {
        Self(a_minute.map(|most| (most, RateLimiter::keyed(Quota::per_minute(most)))))
    }

    /// 429 for somebody of a tenant that asked too often. Admins are never counted.
    pub(super) fn admit(&self, caller: &Caller) -> Result<(), Problem> {
        let (Some((most, limiter)), Some(tenant)) = (&self.0, caller.own_tenant()) else { return Ok(()) };
        limiter.check_key(&tenant.id).map_err(|until| {
            let wait = until.wait_time_from(limiter.clock().now());
            let detail = format!("all of the tenant's people and programs together may ask {most} times a minute");
            Problem::too_many_requests(wait.as_secs() + 1).detail(detail)
        })
    }
}
