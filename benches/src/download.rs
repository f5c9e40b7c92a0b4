//! A download over HTTP on loopback, beside reading the same file in a loop.

use std::{
    fs::{File, create_dir},
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    path::Path,
    sync::Arc,
    time::Instant,
};

use anyhow::{Result, ensure};
use chiliview_api::{
    edge::{EdgeSettings, Limits, serve, wrap},
    ranges::{Content, Span, serve as answer},
};
use chiliview_snapshot::{ArtefactKey, Shelf};
use chiliview_store::Ids;
use poem::{Body, Request, Route, endpoint::make};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{directory, median, report};

const BYTES: u64 = 1 << 30;
const CHUNK: usize = 256 << 10;
const ROUNDS: usize = 5;

/// Gigabytes a second.
#[expect(clippy::cast_precision_loss, reason = "a gigabyte is exact in a double")]
fn speed(bytes: u64, began: Instant) -> f64 {
    bytes as f64 / 1e9 / began.elapsed().as_secs_f64()
}

fn fill(path: &Path) -> Result<()> {
    let mut file = File::create(path)?;
    let chunk: Vec<u8> = (0..CHUNK).map(|i| u8::try_from(i * 31 % 251).unwrap_or(0)).collect();
    for _ in 0..BYTES / CHUNK as u64 {
        file.write_all(&chunk)?;
    }
    Ok(file.sync_all()?)
}

fn read(path: &Path) -> Result<f64> {
    let (mut file, mut buffer, mut total) = (File::open(path)?, vec![0; CHUNK], 0);
    let began = Instant::now();
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            read => total += read as u64,
        }
    }
    ensure!(total == BYTES, "{total} bytes were read");
    Ok(speed(total, began))
}

fn fetch(address: SocketAddr) -> Result<f64> {
    let (mut stream, mut buffer, mut total) = (TcpStream::connect(address)?, vec![0; CHUNK], 0);
    let began = Instant::now();
    stream.write_all(b"GET /content HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n")?;
    loop {
        match stream.read(&mut buffer)? {
            0 => break,
            read => total += read as u64,
        }
    }
    // The head of the answer is in it too, and is small.
    ensure!(total > BYTES && total < BYTES + 4096, "{total} bytes came");
    Ok(speed(BYTES, began))
}

/// As a backup's artefact is sent.
async fn start(shelf: Shelf, key: ArtefactKey, shutdown: CancellationToken) -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let content = Content {
        length: BYTES,
        etag: "\"bench\"".into(),
        last_modified: None,
        content_type: "application/zstd",
        file_name: "bench.db.zst".into(),
        sha256: None,
    };
    let content = Arc::new(content);
    let download = make(move |request: Request| {
        let (shelf, content) = (shelf.clone(), content.clone());
        async move {
            let artefact = shelf.open(&key).await.map_err(poem::error::InternalServerError)?;
            let body = |span: Span| Body::from_bytes_stream(artefact.range(span.start..span.start + span.length));
            Ok::<_, poem::Error>(answer(request.method(), request.headers(), &content, body))
        }
    });
    let endpoint = wrap(Route::new().at("/content", download), EdgeSettings::default());
    tokio::spawn(serve(listener, endpoint, Limits::default(), shutdown));
    Ok(address)
}

/// Prints the speed of a gigabyte that is in the page cache.
pub(crate) async fn measure() -> Result<()> {
    let directory = directory()?;
    let shelf = Shelf::directory(directory.path()).await?;
    let key = ArtefactKey::of(None, Ids.next(), false);
    let folder = directory.path().join(key.folder());
    create_dir(&folder)?;
    let path = folder.join(key.artefact_file());
    fill(&path)?;
    let shutdown = CancellationToken::new();
    let address = start(shelf, key, shutdown.clone()).await?;
    let (mut ours, mut theirs, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let path = path.clone();
        let (one, other) = tokio::task::spawn_blocking(move || anyhow::Ok((fetch(address)?, read(&path)?))).await??;
        ours.push(one);
        theirs.push(other);
        ratios.push(one / other);
    }
    shutdown.cancel();
    let (ours, theirs) = (median(ours), median(theirs));
    let theirs = format!("read loop {theirs:.2} GB/s");
    report("a gigabyte downloaded over loopback", &format!("{ours:.2} GB/s"), &theirs, median(ratios), "≥ 1.5 GB/s");
    Ok(())
}
