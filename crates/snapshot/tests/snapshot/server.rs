//! A server that speaks S3, in this process, with its objects in a directory; and what can go wrong on the way to it.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use s3s::auth::SimpleAuth;
use s3s::dto::*;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{S3, S3Request, S3Response, S3Result};
use s3s_fs::FileSystem;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

pub(crate) use faulty::Fault;
use faulty::Faulty;

#[path = "faulty.rs"]
mod faulty;

pub(crate) const BUCKET: &str = "backups";
pub(crate) const ACCESS_KEY: &str = "chiliview";
pub(crate) const SECRET_KEY: &str = "not a secret";

/// A fault, and which requests it meets.
struct Trap {
    method: &'static str,
    part: &'static str,
    fault: Fault,
    times: usize,
}

/// A running server.
pub(crate) struct Server {
    root: PathBuf,
    address: SocketAddr,
    uploads: Uploads,
    traps: Arc<Mutex<Vec<Trap>>>,
    seen: Arc<Mutex<Vec<String>>>,
    accepting: AbortHandle,
}

type Uploads = Arc<Mutex<BTreeMap<String, (String, SystemTime)>>>;

impl Server {
    /// Serves the bucket in `root`, empty.
    pub(crate) async fn start(root: PathBuf) -> Self {
        std::fs::create_dir_all(root.join(BUCKET)).unwrap();
        let uploads = Uploads::default();
        let files = Files { files: FileSystem::new(&root).unwrap(), uploads: Arc::clone(&uploads) };
        let mut service = S3ServiceBuilder::new(files);
        service.set_auth(SimpleAuth::from_single(ACCESS_KEY, SECRET_KEY));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let traps = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let accepting =
            tokio::spawn(accept(listener, service.build(), Arc::clone(&traps), Arc::clone(&seen))).abort_handle();
        Self { root, address, uploads, traps, seen, accepting }
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where the objects below the shelf's prefix lie.
    pub(crate) fn objects(&self) -> PathBuf {
        self.root.join(BUCKET).join("chili/view")
    }

    /// Where the bucket is.
    pub(crate) fn bucket(&self) -> PathBuf {
        self.root.join(BUCKET)
    }

    /// Uploads that nobody has completed or ended.
    pub(crate) fn uploads(&self) -> Vec<PathBuf> {
        self.uploads.lock().unwrap().values().map(|(key, _)| Path::new("upload of").join(key)).collect()
    }

    /// The uploads that are under way were begun long ago.
    pub(crate) fn let_a_day_pass(&self) {
        for (_, begun) in self.uploads.lock().unwrap().values_mut() {
            *begun -= Duration::from_secs(25 * 3600);
        }
    }

    /// Requests by `method` whose URL has `part` meet `fault`, `times` of them.
    pub(crate) fn trap(&self, method: &'static str, part: &'static str, fault: Fault, times: usize) {
        self.traps.lock().unwrap().push(Trap { method, part, fault, times });
    }

    /// Forgets what was set up, and says which faults did not happen.
    pub(crate) fn sprung(&self) -> bool {
        self.traps.lock().unwrap().drain(..).all(|trap| trap.times == 0)
    }

    /// Every request so far, as `METHOD /path?query sum=… sealed=…`.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }

    /// Nobody listens any more.
    pub(crate) async fn stop(&self) {
        self.accepting.abort();
        while tokio::net::TcpStream::connect(self.address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(
    listener: TcpListener,
    service: S3Service,
    traps: Arc<Mutex<Vec<Trap>>>,
    seen: Arc<Mutex<Vec<String>>>,
) {
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let Ok((socket, _)) = listener.accept().await else { return };
        let (service, traps, seen) = (service.clone(), Arc::clone(&traps), Arc::clone(&seen));
        let answer = service_fn(move |request| answer(service.clone(), Arc::clone(&traps), Arc::clone(&seen), request));
        let connection = http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(socket), answer);
        // What breaks a connection is the client's affair.
        connections.spawn(async move { drop(connection.await) });
    }
}

async fn answer(
    service: S3Service,
    traps: Arc<Mutex<Vec<Trap>>>,
    seen: Arc<Mutex<Vec<String>>>,
    request: http::Request<Incoming>,
) -> io::Result<http::Response<Faulty>> {
    let told = |name| request.headers().get(name).map_or("", |value| value.to_str().unwrap_or("?"));
    let (sum, sealed) = (told("x-amz-checksum-sha256"), told("x-amz-server-side-encryption"));
    seen.lock().unwrap().push(format!("{} {} sum={sum} sealed={sealed}", request.method(), request.uri()));
    let fault = sprung(&traps, &request);
    if let Some(Fault::Status(status, code)) = fault {
        let body = format!("<Error><Code>{code}</Code><Message>by a test</Message></Error>");
        let response = http::Response::builder().status(status).header("content-length", body.len());
        return Ok(response.body(Faulty::new(body.into(), None)).unwrap());
    }
    let response = service.call(request.map(s3s::Body::from)).await;
    let response = response.map_err(|error| io::Error::other(format!("{error:?}")))?;
    if let Some(Fault::Lose) = fault {
        return Err(io::Error::other("lost by a test"));
    }
    Ok(response.map(|body| Faulty::new(body, fault)))
}

fn sprung(traps: &Mutex<Vec<Trap>>, request: &http::Request<Incoming>) -> Option<Fault> {
    let url = request.uri().to_string();
    let mut traps = traps.lock().unwrap();
    let met = |trap: &&mut Trap| trap.times > 0 && request.method() == trap.method && url.contains(trap.part);
    let trap = traps.iter_mut().find(met)?;
    trap.times -= 1;
    Some(trap.fault)
}

/// The file system behind it cannot list uploads; everything else it can.
struct Files {
    files: FileSystem,
    uploads: Uploads,
}

#[async_trait]
impl S3 for Files {
    async fn create_multipart_upload(
        &self,
        request: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        let key = request.input.key.clone();
        let response = self.files.create_multipart_upload(request).await?;
        let id = response.output.upload_id.clone().unwrap();
        #[expect(clippy::disallowed_methods, reason = "a server has a clock of its own")]
        let now = SystemTime::now();
        self.uploads.lock().unwrap().insert(id, (key, now));
        Ok(response)
    }

    async fn list_multipart_uploads(
        &self,
        request: S3Request<ListMultipartUploadsInput>,
    ) -> S3Result<S3Response<ListMultipartUploadsOutput>> {
        let prefix = request.input.prefix.unwrap_or_default();
        let after = (request.input.key_marker, request.input.upload_id_marker);
        let uploads = self.uploads.lock().unwrap();
        let mut found: Vec<_> = uploads.iter().filter(|(_, (key, _))| key.starts_with(&prefix)).collect();
        found.sort_by_key(|(id, (key, _))| (key.clone(), (*id).clone()));
        found.retain(|(id, (key, _))| (Some(key.clone()), Some((*id).clone())) > after);
        // Pages of two, so that every test with more turns one.
        let is_truncated = found.len() > 2;
        found.truncate(2);
        let last = found.last().map(|(id, (key, _))| ((*id).clone(), key.clone()));
        let shown = |(id, (key, begun)): (&String, &(String, SystemTime))| MultipartUpload {
            upload_id: Some(id.clone()),
            key: Some(key.clone()),
            initiated: Some((*begun).into()),
            ..MultipartUpload::default()
        };
        let output = ListMultipartUploadsOutput {
            uploads: Some(found.into_iter().map(shown).collect()),
            is_truncated: Some(is_truncated),
            next_key_marker: last.clone().map(|(_, key)| key),
            next_upload_id_marker: last.map(|(id, _)| id),
            ..ListMultipartUploadsOutput::default()
        };
        Ok(S3Response::new(output))
    }

    async fn upload_part(&self, request: S3Request<UploadPartInput>) -> S3Result<S3Response<UploadPartOutput>> {
        self.known(&request.input.upload_id)?;
        self.files.upload_part(request).await
    }

    async fn complete_multipart_upload(
        &self,
        request: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        let id = request.input.upload_id.clone();
        self.known(&id)?;
        let response = self.files.complete_multipart_upload(request).await?;
        self.uploads.lock().unwrap().remove(&id);
        Ok(response)
    }

    async fn abort_multipart_upload(
        &self,
        request: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        let id = request.input.upload_id.clone();
        self.known(&id)?;
        self.uploads.lock().unwrap().remove(&id);
        self.files.abort_multipart_upload(request).await
    }

    async fn get_object(&self, request: S3Request<GetObjectInput>) -> S3Result<S3Response<GetObjectOutput>> {
        self.files.get_object(request).await
    }

    async fn head_object(&self, request: S3Request<HeadObjectInput>) -> S3Result<S3Response<HeadObjectOutput>> {
        self.files.head_object(request).await
    }

    async fn put_object(&self, request: S3Request<PutObjectInput>) -> S3Result<S3Response<PutObjectOutput>> {
        self.files.put_object(request).await
    }

    async fn delete_object(&self, request: S3Request<DeleteObjectInput>) -> S3Result<S3Response<DeleteObjectOutput>> {
        self.files.delete_object(request).await
    }

    async fn list_objects_v2(
        &self,
        request: S3Request<ListObjectsV2Input>,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        self.files.list_objects_v2(request).await
    }
}

impl Files {
    fn known(&self, id: &str) -> S3Result<()> {
        if self.uploads.lock().unwrap().contains_key(id) { Ok(()) } else { Err(s3s::s3_error!(NoSuchUpload)) }
    }
}
