//! An HTTP client with a token: each method sends one request and hands back what came.

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use super::{Answer, Server, until};

/// Somebody who is logged in. The session outlives the server's process: see [`at`](Self::at).
#[derive(Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    url: String,
    pub(crate) token: String,
}

impl Client {
    pub(crate) async fn log_in(url: &str, username: &str, password: &str) -> Self {
        let mut client = Self { http: reqwest::Client::new(), url: url.to_owned(), token: String::new() };
        let login = client.post("/api/auth/login", json!({"username": username, "password": password})).await;
        client.token = text(&login.expect(200)["token"]);
        client
    }

    /// The same session at another start of the service.
    pub(crate) fn at(&self, server: &Server) -> Self {
        self.at_url(&server.url)
    }

    /// The same session wherever the service is now.
    pub(crate) fn at_url(&self, url: &str) -> Self {
        Self { url: url.to_owned(), ..self.clone() }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        Answer::to(self.request(Method::GET, path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        Answer::to(self.request(Method::POST, path).json(&body)).await
    }

    pub(crate) async fn post_csv(&self, path: &str, file: String) -> Answer {
        Answer::to(self.request(Method::POST, path).header("Content-Type", "text/csv").body(file)).await
    }

    /// Changes what still has this version.
    pub(crate) async fn patch(&self, path: &str, version: &Value, body: Value) -> Answer {
        Answer::to(self.request(Method::PATCH, path).header("If-Match", format!("\"{version}\"")).json(&body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        Answer::to(self.request(Method::DELETE, path)).await
    }

    /// A request to add headers to.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, self.address(path)).bearer_auth(&self.token)
    }

    pub(crate) fn address(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// A whole list, page by page.
    pub(crate) async fn all(&self, path: &str) -> Vec<Value> {
        let (mut items, mut after) = (Vec::new(), String::new());
        loop {
            let page = self.get(&format!("{path}?limit=200{after}")).await.expect(200);
            items.extend(page["items"].as_array().unwrap().iter().cloned());
            let Some(next) = page["next"].as_str() else { return items };
            after = format!("&after={next}");
        }
    }

    /// Follows a backup to its end, whichever that is.
    pub(crate) async fn backup_ended(&self, id: &str) -> Value {
        until("the backup to end", async || {
            let backup = self.get(&format!("/api/backups/{id}")).await.expect(200);
            ["verified", "failed", "cancelled"].contains(&backup["status"].as_str()?).then_some(backup)
        })
        .await
    }

    /// Follows a restore, or its undo, to its end, whichever that is.
    pub(crate) async fn restore_ended(&self, id: &str) -> Value {
        until("the restore to end", async || {
            let restore = self.get(&format!("/api/restores/{id}")).await.expect(200);
            (!["queued", "running"].contains(&restore["status"].as_str()?)).then_some(restore)
        })
        .await
    }
}

/// A JSON string's text.
#[track_caller]
pub(super) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}
