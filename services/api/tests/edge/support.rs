//! A small service behind the edge, and a client that says exactly what it is told to.

use std::{net::SocketAddr, sync::Arc};

use bytes::Bytes;
use chiliview_api::{
    edge::{AllowedMethods, EdgeSettings, Limits, ShutdownSignal, serve, wrap},
    json::{Created, Json},
    problem::Problem,
    ranges::{Content, serve as serve_content},
};
use garde::Validate;
use http_body_util::combinators::BoxBody;
use hyper::client::conn::http2::SendRequest;
use hyper_util::rt::{TokioExecutor, TokioIo};
use poem::{
    Body, Endpoint, Request, Response, Route,
    endpoint::{make, make_sync},
    http::{Method, StatusCode},
};
use poem_openapi::{
    Object, OpenApi, OpenApiService,
    param::{Path, Query},
};
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Notify,
    task::JoinHandle,
};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

pub(crate) const CONTENT: &str = "abcdefghijklmnopqrstuvwxyz";

#[derive(Debug, Deserialize, Serialize, Validate, Object)]
#[serde(deny_unknown_fields)]
struct Thing {
    #[garde(length(chars, min = 3))]
    name: String,
    #[garde(skip)]
    size: u32,
}

struct Things;

#[OpenApi]
impl Things {
    #[oai(path = "/things", method = "get", operation_id = "list")]
    async fn list(&self, limit: Query<Option<u32>>) -> Result<Json<Vec<Thing>>, Problem> {
        let _ = limit;
        Ok(Json(Vec::new()))
    }

    #[oai(path = "/things/:id", method = "get", operation_id = "get")]
    async fn get(&self, id: Path<u64>) -> Result<Json<Thing>, Problem> {
        Err(Problem::not_found(&format!("thing {}", id.0)))
    }

    #[oai(path = "/things", method = "post", operation_id = "create")]
    async fn create(&self, Json(body): Json<Thing>) -> Result<Created<Thing>, Problem> {
        Ok(Created { location: "/api/things/1".to_owned(), etag: None, body })
    }
}

/// What tests wait for, and what they let go on.
#[derive(Default)]
pub(crate) struct App {
    pub(crate) started: Notify,
    pub(crate) release: Notify,
    pub(crate) finished: Notify,
    /// The connection gave a request up.
    pub(crate) abandoned: Notify,
}

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) app: Arc<App>,
    pub(crate) shutdown: CancellationToken,
    task: JoinHandle<std::io::Result<()>>,
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::with(Limits::default()).await
    }

    pub(crate) async fn with(limits: Limits) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (app, shutdown) = (Arc::new(App::default()), CancellationToken::new());
        let allowed_methods = AllowedMethods::of::<Things>("/api");
        let settings = EdgeSettings { limits: limits.clone(), allowed_methods, ..EdgeSettings::default() };
        let endpoint = Watched { inner: wrap(routes(&app), settings), app: Arc::clone(&app) };
        let task = tokio::spawn(serve(listener, endpoint, limits, shutdown.clone()));
        Self { address, app, shutdown, task }
    }

    pub(crate) async fn connect(&self) -> Client {
        Client(TcpStream::connect(self.address).await.unwrap())
    }

    pub(crate) async fn ask(&self, request: &str) -> Reply {
        let mut client = self.connect().await;
        client.send(request).await;
        Reply::parse(&client.rest().await)
    }

    pub(crate) async fn stopped(self) {
        self.task.await.unwrap().unwrap();
    }
}

fn routes(app: &Arc<App>) -> Route {
    let app = Arc::clone(app);
    let slow = make(move |_| {
        let app = Arc::clone(&app);
        async move {
            app.started.notify_one();
            app.release.notified().await;
            app.finished.notify_one();
        }
    });
    Route::new()
        .nest("/api", OpenApiService::new(Things, "Things", "1"))
        .at("/livez", poem::get(make_sync(|_| "ok")))
        .at("/panic", make_sync(|_| -> () { panic!("oh no") }))
        .at("/file", poem::get(make_sync(file)))
        .at("/stream", poem::get(make_sync(stream)))
        .at("/slow", poem::post(slow))
}

fn file(request: Request) -> Response {
    let content = Content {
        length: CONTENT.len() as u64,
        etag: "\"v1\"".to_owned(),
        last_modified: None,
        content_type: "application/zstd",
        file_name: "größe.zst".to_owned(),
        sha256: Some(hex("71c480df93d6ae2f1efad1447c66c9525e316218cf51fc8d9ed832f2daf18b73")),
    };
    serve_content(request.method(), request.headers(), &content, |span| {
        let start = usize::try_from(span.start).unwrap();
        CONTENT[start..start + usize::try_from(span.length).unwrap()].into()
    })
}

fn hex(text: &str) -> [u8; 32] {
    std::array::from_fn(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap())
}

/// Says "open", and nothing more until the service stops.
fn stream(request: Request) -> Response {
    let stop = request.data::<ShutdownSignal>().unwrap().0.clone();
    let opened = futures::stream::iter([Ok::<_, std::io::Error>("open")]);
    let ended = futures::stream::once(async move {
        stop.cancelled().await;
        Ok("closed")
    });
    Response::builder().body(Body::from_bytes_stream(futures::StreamExt::chain(opened, ended)))
}

/// Notices when a request is dropped instead of being answered.
struct Watched<E> {
    inner: E,
    app: Arc<App>,
}

struct Abandoned<'a>(Option<&'a App>);

impl Drop for Abandoned<'_> {
    fn drop(&mut self) {
        if let Some(app) = self.0 {
            app.abandoned.notify_one();
        }
    }
}

impl<E: Endpoint> Endpoint for Watched<E> {
    type Output = E::Output;

    async fn call(&self, request: Request) -> poem::Result<E::Output> {
        let mut guard = Abandoned(Some(&self.app));
        let answer = self.inner.call(request).await;
        guard.0 = None;
        answer
    }
}

pub(crate) struct Client(TcpStream);

impl Client {
    pub(crate) async fn send(&mut self, text: impl AsRef<[u8]>) {
        self.0.write_all(text.as_ref()).await.unwrap();
    }

    /// Everything until the server closes.
    pub(crate) async fn rest(&mut self) -> String {
        let mut bytes = Vec::new();
        // A reset after the answer is as good as an end.
        let _ = self.0.read_to_end(&mut bytes).await;
        String::from_utf8(bytes).unwrap()
    }

    /// Everything until `word` has come.
    pub(crate) async fn until(&mut self, word: &str) {
        let mut seen = String::new();
        while !seen.contains(word) {
            let mut bytes = [0; 1024];
            let n = self.0.read(&mut bytes).await.unwrap();
            assert_ne!(n, 0, "the server closed after {seen:?}");
            seen.push_str(std::str::from_utf8(&bytes[..n]).unwrap());
        }
    }

    /// Sends `piece` again and again, and stops caring once the server does.
    pub(crate) async fn send_while_reading(self, piece: &[u8], times: usize) -> Reply {
        let (mut read, mut write) = self.0.into_split();
        let mut bytes = Vec::new();
        let send = async {
            for _ in 0..times {
                if write.write_all(piece).await.is_err() {
                    return;
                }
            }
        };
        let (_, received) = tokio::join!(send, read.read_to_end(&mut bytes));
        drop(received);
        Reply::parse(std::str::from_utf8(&bytes).unwrap())
    }
}

pub(crate) struct Reply {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn parse(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("not an answer: {text:?}"));
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Self { status, head: head.to_owned(), body: body.to_owned() }
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        let fields = self.head.lines().filter_map(|line| line.split_once(": "));
        fields.into_iter().find(|(field, _)| field.eq_ignore_ascii_case(name)).map_or("", |(_, value)| value)
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

pub(crate) fn get(path: &str, headers: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n")
}

pub(crate) fn post(path: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!("POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}")
}

/// One piece of a chunked body.
pub(crate) fn chunk(length: usize) -> Vec<u8> {
    [format!("{length:x}\r\n").as_bytes(), &vec![b' '; length], b"\r\n"].concat()
}

/// The most memory this process ever held, in bytes (Linux).
pub(crate) fn peak_memory() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() << 10
}

/// An HTTP/2 connection, open until this is dropped.
pub(crate) struct Http2 {
    client: SendRequest<BoxBody<Bytes, std::io::Error>>,
    connection: AbortOnDropHandle<hyper::Result<()>>,
    address: SocketAddr,
}

impl Http2 {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let stream = TokioIo::new(TcpStream::connect(address).await.unwrap());
        let (client, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), stream).await.unwrap();
        Self { client, connection: AbortOnDropHandle::new(tokio::spawn(connection)), address }
    }

    /// What comes of a request, once it does.
    pub(crate) fn ask(&self, method: Method, path: &str, body: Body) -> impl Future<Output = StatusCode> + use<> {
        let mut client = self.client.clone();
        let request = hyper::Request::builder().method(method).uri(format!("http://{}{path}", self.address));
        let request = request.header("content-type", "application/json").body(body.into()).unwrap();
        async move { client.send_request(request).await.unwrap().status() }
    }

    pub(crate) async fn get(&self, path: &str) -> StatusCode {
        self.ask(Method::GET, path, Body::empty()).await
    }

    /// Until the server closes the connection.
    pub(crate) async fn closed(self) {
        let _ = self.connection.await;
    }
}

/// A body that stops behind `beginning`.
pub(crate) fn half_a_body(beginning: &'static [u8]) -> Body {
    let beginning = futures::stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(beginning))]);
    Body::from_bytes_stream(futures::StreamExt::chain(beginning, futures::stream::pending()))
}
