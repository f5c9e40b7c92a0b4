//! Requests as a client sends them, and their answers.

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{Person, TestApp};

/// A request that is being put together.
pub(crate) struct Call(reqwest::RequestBuilder);

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: reqwest::header::HeaderMap,
    pub(crate) text: String,
}

impl TestApp {
    /// `path` is below `/api`.
    pub(crate) fn call(&self, who: Option<&Person>, method: &str, path: &str) -> Call {
        let url = format!("http://{}/api{path}", self.address);
        let request = self.http.request(method.parse().unwrap(), url);
        Call(match who {
            Some(person) => request.bearer_auth(&person.token),
            None => request,
        })
    }

    /// As [`TestApp::call`] by nobody, of a path that is not below `/api`.
    pub(crate) fn page(&self, method: &str, path: &str) -> Call {
        Call(self.http.request(method.parse().unwrap(), format!("http://{}{path}", self.address)))
    }

    /// A piece of an upload whose connection breaks behind `sent`, of `length` bytes that were announced.
    pub(crate) async fn broken_piece(&self, who: &Person, upload: &str, offset: usize, length: usize, sent: &[u8]) {
        let mut connection = tokio::net::TcpStream::connect(self.address).await.unwrap();
        let head = format!(
            "PATCH /api/uploads/{upload} HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer {}\r\nUpload-Offset: {offset}\r\n\
             Content-Length: {length}\r\n\r\n",
            who.token
        );
        connection.write_all(head.as_bytes()).await.unwrap();
        connection.write_all(sent).await.unwrap();
        connection.shutdown().await.unwrap();
        // Until the server has seen it.
        let _ = connection.read_to_end(&mut Vec::new()).await;
    }

    pub(crate) async fn get(&self, who: &Person, path: &str) -> Answer {
        self.call(Some(who), "GET", path).send().await
    }

    pub(crate) async fn post(&self, who: &Person, path: &str, body: Value) -> Answer {
        self.call(Some(who), "POST", path).json(&body).send().await
    }

    pub(crate) async fn patch(&self, who: &Person, path: &str, body: Value) -> Answer {
        self.call(Some(who), "PATCH", path).json(&body).send().await
    }

    pub(crate) async fn delete(&self, who: &Person, path: &str) -> Answer {
        self.call(Some(who), "DELETE", path).send().await
    }
}

impl Call {
    pub(crate) fn header(self, name: &str, value: &str) -> Self {
        Self(self.0.header(name, value))
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        Self(self.0.json(body))
    }

    pub(crate) fn csv(self, body: impl Into<Vec<u8>>) -> Self {
        Self(self.0.header("content-type", "text/csv").body(body.into()))
    }

    /// The first bytes of the body, `least` at the least; then the connection breaks.
    pub(crate) async fn broken_after(self, least: usize) -> Vec<u8> {
        let mut response = self.0.send().await.unwrap();
        let mut received = Vec::new();
        while received.len() < least {
            received.extend(response.chunk().await.unwrap().expect("the body ended before the connection broke"));
        }
        received
    }

    /// Status, entity tag and body.
    pub(crate) async fn bytes(self) -> (u16, String, Vec<u8>) {
        let response = self.0.send().await.unwrap();
        let etag = response.headers().get("etag").map_or("", |etag| etag.to_str().unwrap()).to_owned();
        (response.status().as_u16(), etag, response.bytes().await.unwrap().into())
    }

    /// The answer whose body is still to come: some never end.
    pub(crate) async fn open(self) -> reqwest::Response {
        self.0.send().await.unwrap().error_for_status().unwrap()
    }

    /// The status alone: some answers never end.
    pub(crate) async fn status(self) -> u16 {
        self.0.send().await.unwrap().status().as_u16()
    }

    pub(crate) async fn send(self) -> Answer {
        let response = self.0.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Answer { status, headers, text: response.text().await.unwrap() }
    }
}

impl Answer {
    /// Stops the test unless the status is this one.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text);
        self
    }

    /// Stops the test unless it is a problem of this status and code.
    #[track_caller]
    pub(crate) fn expect_problem(self, status: u16, code: &str) -> Self {
        let answer = self.expect(status);
        assert_eq!(answer.header("content-type"), "application/problem+json");
        assert_eq!(answer.json()["code"], code, "{}", answer.text);
        answer
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {:?}", self.text))
    }

    /// One field of the body, as text.
    #[track_caller]
    pub(crate) fn field(&self, name: &str) -> String {
        let json = self.json();
        json[name].as_str().unwrap_or_else(|| panic!("no {name} in {json}")).to_owned()
    }

    /// Where the problem is: the pointers of its `errors`, sorted.
    pub(crate) fn pointers(&self) -> Vec<String> {
        let json = self.json();
        let errors = json["errors"].as_array().cloned().unwrap_or_default();
        let mut pointers: Vec<_> = errors.iter().map(|e| e["pointer"].as_str().unwrap().to_owned()).collect();
        pointers.sort();
        pointers
    }

    /// One field of every row of a list.
    pub(crate) fn column(&self, name: &str) -> Vec<String> {
        let json = self.json();
        let items = json["items"].as_array().unwrap();
        items.iter().map(|item| item[name].as_str().unwrap().to_owned()).collect()
    }
}
