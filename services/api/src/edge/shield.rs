//! A change runs to its end even when its client hangs up: nobody is left not knowing whether half of it happened.

use std::{panic::resume_unwind, sync::Arc};

use poem::{Endpoint, IntoResponse, Request, Response};
use tracing::Instrument;

use super::serve::Tasks;
use crate::problem::Problem;

/// Runs methods that change something in a task of their own, inside the request's span.
pub(super) struct Shield<E> {
    inner: Arc<E>,
}

impl<E> Shield<E> {
    pub(super) fn new(inner: E) -> Self {
        Self { inner: Arc::new(inner) }
    }
}

impl<E: Endpoint + 'static> Endpoint for Shield<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        if request.method().is_safe() {
            return self.inner.call(request).await.map(IntoResponse::into_response);
        }
        let inner = Arc::clone(&self.inner);
        let tasks = request.data::<Tasks>().cloned().unwrap_or_default();
        let work = async move { inner.call(request).await.map(IntoResponse::into_response) };
        match tasks.spawn(work.in_current_span()).await {
            Ok(outcome) => outcome,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => resume_unwind(panic),
                Err(error) => Err(Problem::internal(error).into()),
            },
        }
    }
}
