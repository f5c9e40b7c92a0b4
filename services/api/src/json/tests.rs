//! The shape of a resource's types, and what a client is told when it does not keep to it.

use garde::Validate;
use poem::{Route, test::TestClient};
use poem_openapi::{Enum, Object, OpenApi, OpenApiService, param::Path};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::*;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case")]
enum Role {
    Manager,
    Member,
}

#[derive(Debug, Deserialize, Validate, Object)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields)]
struct NewUser {
    #[garde(length(chars, min = 3, max = 20))]
    username: String,
    #[garde(length(chars, min = 3))]
    email: String,
    #[garde(skip)]
    role: Role,
    #[garde(range(max = 10))]
    quota: Option<u32>,
    #[garde(inner(length(chars, min = 2)))]
    #[serde(default)]
    #[oai(default)]
    labels: Vec<String>,
}

#[derive(Debug, Deserialize, Validate, Object)]
#[serde(deny_unknown_fields)]
struct UserPatch {
    #[garde(inner(length(chars, min = 3)))]
    #[serde(default)]
    email: Patch<String>,
    #[garde(skip)]
    #[serde(default)]
    role: Patch<Role>,
}

#[derive(Debug, Clone, Serialize, Object)]
#[oai(skip_serializing_if_is_none)]
struct User {
    id: u64,
    username: String,
    role: Role,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
}

struct Users;

#[OpenApi]
impl Users {
    #[oai(path = "/users", method = "post", operation_id = "create_user")]
    async fn create(&self, input: Json<NewUser>) -> Result<Created<User>, Problem> {
        if input.username == "taken" {
            return Err(Problem::conflict("username_taken", "that name is taken"));
        }
        let Json(NewUser { username, email, role, .. }) = input;
        let user = User { id: 7, username, role, email: Some(email) };
        Ok(Created { location: format!("/users/{}", user.id), etag: Some("\"1\"".into()), body: user })
    }

    #[oai(path = "/users/:id", method = "patch", operation_id = "update_user")]
    async fn update(&self, id: Path<u64>, input: Json<UserPatch>) -> Result<Json<User>, Problem> {
        let Json(UserPatch { email, role }) = input;
        let email = email.apply(Some("old@example.org".to_owned()));
        let role = role.apply(Some(Role::Member)).unwrap_or(Role::Member);
        Ok(Json(User { id: id.0, username: "anna".to_owned(), role, email }))
    }
}

fn client() -> TestClient<Route> {
    TestClient::new(Route::new().nest("/", OpenApiService::new(Users, "Users", "1")))
}

async fn post(body: impl Into<String>) -> (u16, Value) {
    let client = client();
    let request = client.post("/users").content_type("application/json");
    let response = request.body(body.into()).send().await.0;
    let status = response.status().as_u16();
    let bytes = response.into_body().into_vec().await.unwrap();
    (status, serde_json::from_slice(&bytes).unwrap())
}

fn faults(body: &Value) -> Vec<(&str, &str)> {
    let text = |e: &'_ Value, k: &str| e[k].as_str().map(str::len).unwrap_or_default() > 0;
    let errors = body["errors"].as_array().unwrap();
    assert!(errors.iter().all(|e| text(e, "detail")), "each says what is wrong: {errors:?}");
    errors.iter().map(|e| (e["pointer"].as_str().unwrap(), e["code"].as_str().unwrap())).collect()
}

#[tokio::test]
async fn what_was_made_is_answered_with_its_place_and_version() {
    let body = json!({"username": "anna", "email": "anna@example.org", "role": "manager"});
    let response = client().post("/users").body_json(&body).send().await;
    response.assert_status(http::StatusCode::CREATED);
    response.assert_header("location", "/users/7");
    response.assert_header("etag", "\"1\"");
    response.assert_header("content-type", "application/json");
    let expected = json!({"id": 7, "username": "anna", "role": "manager", "email": "anna@example.org"});
    response.assert_json(expected).await;
}

#[tokio::test]
async fn every_field_that_is_wrong_is_named_at_once() {
    let body = json!({"username": 7, "email": "x", "role": "king", "quota": 11, "labels": ["ok", "x"], "admin": true});
    let (status, body) = post(body.to_string()).await;
    assert_eq!(status, 422);
    let mut faults = faults(&body);
    faults.sort_unstable();
    let expected = [
        ("/admin", "unknown_field"),
        ("/email", "too_short"),
        ("/labels/1", "too_short"),
        ("/quota", "too_large"),
        ("/role", "unknown_variant"),
        ("/username", "invalid_type"),
    ];
    assert_eq!(faults, expected);
}

#[tokio::test]
async fn every_field_that_is_missing_is_named() {
    let (status, body) = post("{}").await;
    assert_eq!(status, 422);
    assert_eq!(faults(&body), [("/username", "required"), ("/email", "required"), ("/role", "required")]);
}

#[tokio::test]
async fn a_field_given_twice_is_refused() {
    let (status, body) = post(r#"{"username": "a", "username": "anna"}"#).await;
    assert_eq!((status, faults(&body)[0]), (422, ("/username", "duplicate_field")));
}

#[tokio::test]
async fn what_was_sent_is_not_echoed() {
    let (_, body) = post(r#"{"username": ["hunter2"], "email": 4711, "role": "secret"}"#).await;
    let body = body.to_string();
    assert!(!body.contains("hunter2") && !body.contains("4711") && !body.contains("secret"), "{body}");
}

#[tokio::test]
async fn what_is_not_json_is_told_its_line_and_column() {
    let (status, body) = post("{\n  \"username\": anna\n}").await;
    assert_eq!((status, body["code"].as_str()), (400, Some("malformed_json")));
    assert!(body["detail"].as_str().unwrap().contains("line 2 column"));
    assert_eq!(post("").await.0, 400);
    assert_eq!(post("{} {}").await.0, 422);
    assert_eq!(post("[".repeat(100_000)).await.0, 422, "an array is not a user, however deep");
    assert_eq!(post(format!("{{\"x\":{}", "[".repeat(100_000))).await.0, 422);
}

#[tokio::test]
async fn another_content_type_is_refused() {
    let client = client();
    for content_type in ["text/plain", "application/x-www-form-urlencoded", "application/jsonx"] {
        let request = client.post("/users").content_type(content_type).body("{}");
        request.send().await.assert_status(http::StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }
    let request = client.post("/users").content_type("Application/JSON; charset=utf-8");
    request.body("{}").send().await.assert_status(http::StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn a_patch_tells_absent_from_null_from_a_value() {
    let patch = async |body: Value| {
        let response = client().patch("/users/7").body_json(&body).send().await;
        response.json().await.value().deserialize::<Value>()
    };
    assert_eq!(patch(json!({})).await["email"], json!("old@example.org"));
    assert!(patch(json!({"email": null})).await.get("email").is_none());
    assert_eq!(patch(json!({"email": "new@example.org", "role": "manager"})).await["role"], json!("manager"));
    assert_eq!(faults(&patch(json!({"email": "x"})).await), [("/email", "too_short")]);
    assert_eq!(
        faults(&patch(json!({"email": 1, "role": 2})).await),
        [("/email", "invalid_type"), ("/role", "invalid_type")]
    );
}

#[test]
fn the_document_shows_the_types_and_one_error_schema() {
    let spec = OpenApiService::new(Users, "Users", "1").spec();
    let spec: Value = serde_json::from_str(&spec).unwrap();
    let create = &spec["paths"]["/users"]["post"];
    let schema = |v: &Value, media: &str| v["content"][media]["schema"]["$ref"].as_str().map(str::to_owned);
    assert_eq!(schema(&create["requestBody"], "application/json").unwrap(), "#/components/schemas/NewUser");
    assert_eq!(schema(&create["responses"]["201"], "application/json").unwrap(), "#/components/schemas/User");
    for status in ["400", "401", "404", "409", "422", "500"] {
        let problem = schema(&create["responses"][status], "application/problem+json");
        assert_eq!(problem.unwrap(), "#/components/schemas/Problem");
    }
    assert_eq!(spec["components"]["schemas"]["UserPatch"].get("required"), None);
}
