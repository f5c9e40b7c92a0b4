//! A way to a server that can fall silent, as it does behind a pulled cable or an address that moved elsewhere: nothing is
//! forwarded any more, and nothing is closed. New connections work.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use chiliview_store::{Settings, postgres};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{AbortHandle, JoinSet},
};

/// Dropped, it closes everything.
pub(crate) struct Proxy {
    address: SocketAddr,
    way: Arc<Mutex<Way>>,
    accepting: AbortHandle,
}

/// Where new connections lead, and what becomes of those that there are.
struct Way {
    server: SocketAddr,
    state: watch::Sender<State>,
    trap: Option<Trap>,
}

#[derive(Clone, Copy)]
enum Trap {
    /// Whoever says so falls silent before it arrives.
    Before(&'static str),
    /// Whoever says so and nothing else falls silent before it arrives.
    BeforeAlone(&'static str),
    /// Whoever says so is cut off when the commit behind it was answered, and does not hear that answer.
    Commit(&'static str),
}

impl Trap {
    fn is_sprung_by(self, piece: &[u8]) -> bool {
        match self {
            Self::Before(words) | Self::Commit(words) => has(piece, words),
            Self::BeforeAlone(words) => piece == words.as_bytes(),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Forwards,
    /// Neither side hears of it.
    Silent,
    /// The server is told that the other side is gone; the client is not told anything.
    HalfClosed,
}

impl Proxy {
    /// Leads to the server of these settings.
    pub(crate) async fn before(settings: &Settings) -> Self {
        let options = postgres::options(settings.database_url.as_ref().expect("PostgreSQL")).expect("a URL");
        Self::to(format!("{}:{}", options.get_host(), options.get_port()).parse().expect("an address")).await
    }

    pub(crate) async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let way = Way { server, state: watch::Sender::new(State::Forwards), trap: None };
        let way = Arc::new(Mutex::new(way));
        let accepting = tokio::spawn(accept(listener, Arc::clone(&way))).abort_handle();
        Self { address, way, accepting }
    }

    /// The same database by way of it; in clear text, so that a trap can be set.
    pub(crate) fn on_the_way_to(&self, settings: &Settings) -> Settings {
        let options = postgres::options(settings.database_url.as_ref().expect("PostgreSQL")).expect("a URL");
        let (port, database) = (self.address.port(), options.get_database().expect("a database"));
        let url = format!("postgres://chiliview@127.0.0.1:{port}/{database}?sslmode=disable");
        Settings { database_url: Some(url.into()), ..settings.clone() }
    }

    /// All connections that there are fall silent.
    pub(crate) fn fall_silent(&self) {
        self.end_with(State::Silent);
    }

    /// …and the server knows.
    pub(crate) fn cut(&self) {
        self.end_with(State::HalfClosed);
    }

    /// The one connection that sends these words next falls silent before they arrive.
    pub(crate) fn fall_silent_before(&self, words: &'static str) {
        self.way.lock().expect("nobody panicked").trap = Some(Trap::Before(words));
    }

    /// …these bytes, in a piece of their own.
    pub(crate) fn fall_silent_before_no_more_than(&self, bytes: &'static str) {
        self.way.lock().expect("nobody panicked").trap = Some(Trap::BeforeAlone(bytes));
    }

    /// The one connection that sends these words next is closed once its commit is done, before it hears so.
    pub(crate) fn lose_the_answer_to_the_commit_of(&self, words: &'static str) {
        self.way.lock().expect("nobody panicked").trap = Some(Trap::Commit(words));
    }

    /// Whether that has happened.
    pub(crate) fn has_sprung(&self) -> bool {
        self.way.lock().expect("nobody panicked").trap.is_none()
    }

    /// New connections lead to another server; those that there are fall silent.
    pub(crate) fn lead_to(&self, server: SocketAddr) {
        self.way.lock().expect("nobody panicked").server = server;
        self.fall_silent();
    }

    fn end_with(&self, state: State) {
        let mut way = self.way.lock().expect("nobody panicked");
        let before = std::mem::replace(&mut way.state, watch::Sender::new(State::Forwards));
        before.send_replace(state);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, way: Arc<Mutex<Way>>) {
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        let (server, state) = {
            let way = way.lock().expect("nobody panicked");
            (way.server, way.state.subscribe())
        };
        connections.spawn(forward(client, server, state, Arc::clone(&way)));
        while connections.try_join_next().is_some() {}
    }
}

/// Until one side closes, then both are closed; one that fell silent stays open as long as the proxy does.
async fn forward(client: TcpStream, server: SocketAddr, mut state: watch::Receiver<State>, way: Arc<Mutex<Way>>) {
    let Ok(server) = TcpStream::connect(server).await else { return };
    let ((mut from_client, mut to_client), (mut from_server, mut to_server)) =
        (client.into_split(), server.into_split());
    let muted = AtomicBool::new(false);
    let there = async {
        let (mut piece, mut commits) = (vec![0; 64 << 10], false);
        loop {
            let count = from_client.read(&mut piece).await.unwrap_or(0);
            match sprung(&way, &piece[..count]) {
                Some(Trap::Before(_) | Trap::BeforeAlone(_)) => std::future::pending::<()>().await,
                Some(Trap::Commit(_)) => commits = true,
                None => {}
            }
            if commits && has(&piece[..count], "COMMIT\0") {
                muted.store(true, Ordering::SeqCst);
            }
            if count == 0 || to_server.write_all(&piece[..count]).await.is_err() {
                return;
            }
        }
    };
    let back = async {
        let mut piece = vec![0; 64 << 10];
        loop {
            let count = from_server.read(&mut piece).await.unwrap_or(0);
            let over = count == 0 || muted.load(Ordering::SeqCst);
            if over || to_client.write_all(&piece[..count]).await.is_err() {
                return;
            }
        }
    };
    let became = tokio::select! {
        () = there => return,
        () = back => return,
        state = state.wait_for(|state| *state != State::Forwards) => state.map_or(State::Silent, |state| *state),
    };
    if became == State::HalfClosed {
        drop((from_server, to_server));
    }
    std::future::pending::<()>().await;
}

fn sprung(way: &Mutex<Way>, piece: &[u8]) -> Option<Trap> {
    way.lock().expect("nobody panicked").trap.take_if(|trap| trap.is_sprung_by(piece))
}

fn has(piece: &[u8], words: &str) -> bool {
    piece.windows(words.len()).any(|there| there == words.as_bytes())
}
