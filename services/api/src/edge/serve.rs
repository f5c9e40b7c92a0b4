//! The accept loop: a bounded number of connections, of each peer as well, patience with a full descriptor table, and an orderly end.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use poem::Endpoint;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::JoinHandle,
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{Limits, connection, peers::Shared};

/// Request data that tells a stream to end: the service is about to stop.
#[derive(Debug, Clone)]
pub struct ShutdownSignal(pub CancellationToken);

/// Everything that must be done before the service has stopped. Request data.
#[derive(Debug, Clone, Default)]
pub(super) struct Tasks(TaskTracker);

impl Tasks {
    pub(super) fn spawn<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
        self.0.spawn(work)
    }
}

/// What all connections share.
pub(super) struct Server<E> {
    pub(super) endpoint: E,
    pub(super) limits: Limits,
    pub(super) shutdown: CancellationToken,
    /// Ends what the drain did not.
    pub(super) abort: CancellationToken,
    pub(super) tasks: Tasks,
}

/// Serves HTTP/1.1 and HTTP/2 without TLS until `shutdown`, then finishes what is under way, for `limits.drain` at most.
///
/// # Errors
/// When the listener has no address. A failure to accept is waited out.
pub async fn serve<E>(listener: TcpListener, endpoint: E, limits: Limits, shutdown: CancellationToken) -> io::Result<()>
where
    E: Endpoint + 'static,
{
    let (spare, peers) = (limits.spare_connections, Shared::new(limits.connections_of_a_peer, &limits.proxies));
    let slots = Arc::new(Semaphore::new(limits.connections + spare));
    let tasks = Tasks::default();
    let server = Arc::new(Server {
        endpoint,
        limits,
        shutdown: shutdown.clone(),
        abort: CancellationToken::new(),
        tasks: tasks.clone(),
    });
    tracing::info!(address = %listener.local_addr()?, "listening");
    let accept_all = async {
        while let Ok(slot) = Arc::clone(&slots).acquire_owned().await {
            let (stream, peer) = accept(&listener).await;
            let mut part = peers.part_of(peer.ip());
            if !part.grow(1) {
                tracing::debug!(%peer, "edge.peer_has_too_many_connections");
                continue;
            }
            let is_spare = slots.available_permits() < spare;
            let connection = connection::run(Arc::clone(&server), stream, peer, is_spare);
            tasks.spawn(async move {
                connection.await;
                drop((slot, part));
            });
        }
    };
    shutdown.run_until_cancelled(accept_all).await;
    drop(listener);
    drain(&server).await;
    Ok(())
}

/// The next connection. One that died on the way is skipped; with no descriptors or memory left it waits, ever longer.
async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    let mut pause = Duration::from_millis(5);
    loop {
        let error = match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error) => error,
        };
        if matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset) {
            continue;
        }
        pause = (pause * 2).min(Duration::from_secs(1));
        tracing::warn!(%error, ?pause, "cannot accept connections for a moment");
        sleep(pause).await;
    }
}

async fn drain<E>(server: &Server<E>) {
    let tasks = &server.tasks.0;
    tasks.close();
    tracing::info!(open = tasks.len(), "finishing what is under way");
    if timeout(server.limits.drain, tasks.wait()).await.is_err() {
        tracing::warn!(open = tasks.len(), "stopping although not all is finished");
        server.abort.cancel();
    }
}
