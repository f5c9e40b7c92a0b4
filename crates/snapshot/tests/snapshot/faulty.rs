//! What can go wrong with an answer on its way.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame};

/// What happens to an answer, or instead of it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// The server says that it fails.
    Status(u16, &'static str),
    /// The connection breaks after so many bytes of the content.
    Cut(usize),
    /// Nothing comes any more after so many bytes of the content.
    Hang(usize),
    /// The request is done, and the connection breaks before the answer.
    Lose,
    /// The content comes in small pieces, each a little later.
    Trickle,
}

/// A body to which something happens.
pub(super) struct Faulty {
    body: s3s::Body,
    fault: Option<Fault>,
    sent: usize,
    left: Bytes,
    pause: Option<Pin<Box<tokio::time::Sleep>>>,
}

impl Faulty {
    pub(super) fn new(body: s3s::Body, fault: Option<Fault>) -> Self {
        Self { body, fault, sent: 0, left: Bytes::new(), pause: None }
    }

    /// The next piece of at most `limit` bytes.
    fn piece(&mut self, cx: &mut Context<'_>, limit: usize) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        while self.left.is_empty() {
            match std::task::ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                Some(Ok(frame)) => self.left = frame.into_data().unwrap_or_default(),
                Some(Err(error)) => return Poll::Ready(Some(Err(io::Error::other(error)))),
                None => return Poll::Ready(None),
            }
        }
        let piece = self.left.split_to(limit.min(self.left.len()));
        self.sent += piece.len();
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }
}

impl Body for Faulty {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match self.fault {
            Some(Fault::Cut(after)) if self.sent >= after => Poll::Ready(Some(Err(io::Error::other("cut by a test")))),
            Some(Fault::Hang(after)) if self.sent >= after => Poll::Pending,
            Some(Fault::Cut(after) | Fault::Hang(after)) => {
                let rest = after - self.sent;
                self.piece(cx, rest)
            }
            Some(Fault::Trickle) => {
                let pause = self.pause.get_or_insert_with(|| Box::pin(tokio::time::sleep(Duration::from_millis(5))));
                std::task::ready!(pause.as_mut().poll(cx));
                self.pause = None;
                self.piece(cx, 8 << 10)
            }
            _ => self.piece(cx, usize::MAX),
        }
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        self.body.size_hint()
    }
}
