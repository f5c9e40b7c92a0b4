//! What a client sees of a problem.

use poem::IntoResponse;

use super::*;

async fn body(problem: Problem) -> serde_json::Value {
    let bytes = problem.into_response().into_body().into_vec().await;
    serde_json::from_slice(&bytes.unwrap()).unwrap()
}

#[tokio::test]
async fn a_problem_says_what_where_and_which_fields_without_nulls() {
    let errors = vec![FieldError::new("/slug", "too_short", "at least 2 characters")];
    let problem = Problem::validation(errors).located("/api/tenants", Some("4bf9"));
    let expected = serde_json::json!({
        "type": "/problems/validation-failed", "title": "Not valid", "status": 422, "code": "validation_failed",
        "detail": "one field is not valid", "instance": "/api/tenants", "trace_id": "4bf9",
        "errors": [{"pointer": "/slug", "code": "too_short", "detail": "at least 2 characters"}],
    });
    assert_eq!(body(problem).await, expected);
    assert!(!body(Problem::timeout()).await.to_string().contains("null"));
}

#[test]
fn headers_that_the_rfc_demands_are_there() {
    let header = |problem: Problem, name| {
        let response = problem.into_response();
        response.header(name).unwrap_or_default().to_owned()
    };
    assert!(header(Problem::unauthenticated(), "www-authenticate").starts_with("Bearer"));
    assert_eq!(header(Problem::too_many_requests(7), "retry-after"), "7");
    assert_eq!(header(Problem::range_not_satisfiable(10), "content-range"), "bytes */10");
    assert_eq!(header(Problem::method_not_allowed("GET, HEAD"), "allow"), "GET, HEAD");
}

#[tokio::test]
async fn an_internal_problem_keeps_its_cause_to_itself() {
    let problem = Problem::internal("the database said: secret");
    assert!(!body(problem).await.to_string().contains("secret"));
}

#[test]
fn a_problem_travels_through_the_framework_unchanged() {
    let error = poem::Error::from(Problem::conflict("slug_taken", "taken"));
    assert_eq!(error.downcast_ref::<Problem>().unwrap().code(), "slug_taken");
    assert_eq!(error.into_response().content_type(), Some(PROBLEM_JSON));
}
