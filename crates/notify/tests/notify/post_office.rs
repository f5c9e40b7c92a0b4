//! An SMTP server on this machine: the state machine of the crate `mailin`, on a socket, open to all or with a password, with or
//! without TLS.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};

use mailin::{Action, AuthMechanism, Handler, Response, Session, SessionBuilder, response};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

pub(crate) const USER: &str = "chili";
pub(crate) const PASSWORD: &str = "p@ss:w/rd";

/// A mail as it arrived.
#[derive(Clone, Debug, Default)]
pub(crate) struct Letter {
    pub(crate) greeted_as: String,
    pub(crate) from: String,
    pub(crate) to: Vec<String>,
    pub(crate) text: String,
    pub(crate) user: Option<String>,
}

#[derive(Clone)]
pub(crate) struct PostOffice {
    pub(crate) address: SocketAddr,
    letters: Arc<Mutex<Vec<Letter>>>,
}

/// Whom it serves.
#[derive(Clone)]
pub(crate) enum Manner {
    /// Everybody, without TLS.
    Open,
    /// Who has the password, without TLS.
    Password,
    /// Who has the password, after STARTTLS.
    StartTls(TlsAcceptor),
    /// Who has the password, on a connection with TLS.
    Tls(TlsAcceptor),
}

impl PostOffice {
    pub(crate) async fn open(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let office = Self { address: listener.local_addr().unwrap(), letters: Arc::default() };
        let serving = office.clone();
        tokio::spawn(async move {
            loop {
                let (stream, peer) = listener.accept().await.unwrap();
                tokio::spawn(serving.clone().serve(stream, peer.ip(), manner.clone()));
            }
        });
        office
    }

    pub(crate) fn letters(&self) -> Vec<Letter> {
        self.letters.lock().unwrap().clone()
    }

    async fn serve(self, stream: TcpStream, peer: IpAddr, manner: Manner) {
        let mut builder = SessionBuilder::new("post.test");
        match &manner {
            Manner::Open => &mut builder,
            Manner::Password | Manner::Tls(_) => {
                builder.enable_auth(AuthMechanism::Plain).insecure_enable_plaintext_auth()
            }
            Manner::StartTls(_) => builder.enable_auth(AuthMechanism::Plain).enable_start_tls(),
        };
        let mut session = builder.build(peer, Clerk { letter: Letter::default(), letters: self.letters });
        match manner {
            Manner::Open | Manner::Password => {
                greet(stream, &mut session).await;
            }
            // A client that does not trust us goes away in the middle of either handshake.
            Manner::Tls(tls) => {
                if let Ok(secured) = tls.accept(stream).await {
                    greet(secured, &mut session).await;
                }
            }
            Manner::StartTls(tls) => {
                if let Some(stream) = greet(stream, &mut session).await
                    && let Ok(secured) = tls.accept(stream).await
                {
                    session.tls_active();
                    converse(BufReader::new(secured), &mut session).await;
                }
            }
        }
    }
}

async fn greet<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, session: &mut Session<Clerk>) -> Option<S> {
    say(&mut stream, &session.greeting()).await;
    converse(BufReader::new(stream), session).await
}

/// Talks until somebody hangs up, or STARTTLS is agreed on: then the connection is handed back.
async fn converse<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: BufReader<S>,
    session: &mut Session<Clerk>,
) -> Option<S> {
    let mut line = Vec::new();
    while matches!(stream.read_until(b'\n', &mut line).await, Ok(count) if count > 0) {
        let response = session.process(&line);
        line.clear();
        if response.action != Action::NoReply {
            say(&mut stream, &response).await;
        }
        match response.action {
            Action::NoReply | Action::Reply => {}
            Action::Close => return None,
            Action::UpgradeTls => return Some(stream.into_inner()),
        }
    }
    None
}

async fn say(stream: &mut (impl AsyncWrite + Unpin), response: &Response) {
    // A client that has gone does not hear it.
    let _ = stream.write_all(&response.buffer().unwrap()).await;
    let _ = stream.flush().await;
}

/// Who takes the letters of one connection.
struct Clerk {
    letter: Letter,
    letters: Arc<Mutex<Vec<Letter>>>,
}

impl Handler for Clerk {
    fn helo(&mut self, _: IpAddr, domain: &str) -> Response {
        self.letter.greeted_as = domain.to_owned();
        response::OK
    }

    fn mail(&mut self, _: IpAddr, _: &str, from: &str) -> Response {
        self.letter.from = from.to_owned();
        response::OK
    }

    fn rcpt(&mut self, to: &str) -> Response {
        match to {
            "nobody@example.com" => response::NO_MAILBOX,
            "later@example.com" => response::INTERNAL_ERROR,
            _ => {
                self.letter.to.push(to.to_owned());
                response::OK
            }
        }
    }

    fn data(&mut self, line: &[u8]) -> std::io::Result<()> {
        self.letter.text.push_str(std::str::from_utf8(line).unwrap());
        Ok(())
    }

    fn data_end(&mut self) -> Response {
        self.letters.lock().unwrap().push(self.letter.clone());
        response::OK
    }

    fn auth_plain(&mut self, _: &str, user: &str, password: &str) -> Response {
        if (user, password) != (USER, PASSWORD) {
            return response::INVALID_CREDENTIALS;
        }
        self.letter.user = Some(user.to_owned());
        response::AUTH_OK
    }
}
