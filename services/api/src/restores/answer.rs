//! The two answers to a request for a restore: 200 with the plan, or 202 with that and the restore.

use poem::{IntoResponse, Response};
use poem_openapi::{
    ApiResponse,
    registry::{MetaResponses, Registry},
};

use super::shapes::{RestoreAnswer, RestoreInfo, RestorePlan};
use crate::{
    json::{Accepted, Json},
    once::First,
};

/// What a request for a restore answers.
pub enum Requested {
    /// A dry run.
    Planned(Json<RestoreAnswer>),
    /// It is going to be done.
    Queued(Accepted<RestoreAnswer>),
}

impl RestoreAnswer {
    pub(super) fn queued(restore: RestoreInfo, plan: RestorePlan) -> Self {
        Self { id: Some(restore.id), status: Some(restore.status), plan, restore: Some(restore) }
    }
}

impl Requested {
    pub(super) fn planned(plan: RestorePlan) -> Self {
        Self::Planned(Json(RestoreAnswer { id: None, status: None, plan, restore: None }))
    }

    pub(super) fn queued(first: First<RestoreAnswer>) -> Self {
        Self::Queued(Accepted { location: first.location, body: first.body })
    }
}

impl IntoResponse for Requested {
    fn into_response(self) -> Response {
        match self {
            Self::Planned(plan) => plan.into_response(),
            Self::Queued(restore) => restore.into_response(),
        }
    }
}

impl ApiResponse for Requested {
    fn meta() -> MetaResponses {
        let mut planned = Json::<RestoreAnswer>::meta().responses;
        for answer in &mut planned {
            answer.description = "The plan of a dry run";
        }
        planned.extend(Accepted::<RestoreAnswer>::meta().responses);
        MetaResponses { responses: planned }
    }

    fn register(registry: &mut Registry) {
        Json::<RestoreAnswer>::register(registry);
    }
}
