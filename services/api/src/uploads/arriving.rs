//! Bytes on their way from a request's body to the shelf: cut into pieces, each encrypted as it comes, put there durably, and
//! only then a row. What has a row is never sent again.

use std::time::Duration;

use chiliview_snapshot::{PIECE_BYTES, PieceKey, PieceSealer, SealedPiece, UploadKey};
use chiliview_store::{
    json_text::JsonText,
    upload_pieces::{self, Appended, Come, UploadPiece},
    uploads::{self as rows, Identity, Upload},
};
use secrecy::ExposeSecret;
use tokio::time::{Instant, timeout_at};

use super::{
    LONGEST, PATIENCE,
    memory::{Held, Memory},
    piece::{Coming, Piece},
    total,
};
use crate::{app::App, problem::Problem};

/// A piece that comes slower than that ends, and the next one begins: nobody keeps much in memory for long.
const SLOWEST: Duration = Duration::from_secs(60);
/// Beside those that it takes. One that comes as slowly as it may, for as long as it may, has half as many.
const SHORT_PIECES: u64 = 20_000;

/// An upload that bytes are added to.
pub(super) struct Arriving<'a> {
    app: &'a App,
    memory: &'a Memory,
    upload: Upload,
    key: UploadKey,
    come: Come,
}

/// Some bytes, and whether that was all.
struct Filled {
    sealer: PieceSealer,
    held: Held,
    end: Option<Result<(), Problem>>,
}

/// A key, and how the list keeps it.
pub(super) fn fresh_key() -> Result<JsonText<Identity>, Problem> {
    let (_, text) = UploadKey::generate()?;
    Ok(JsonText(Identity::new(text.expose_secret().to_owned())))
}

impl<'a> Arriving<'a> {
    /// Behind what is there. An upload that a version before this one has begun gets its key now.
    pub(super) async fn at_the_end(app: &'a App, memory: &'a Memory, upload: Upload) -> Result<Self, Problem> {
        app.shelf().recognise(app.store()).await?;
        let identity = match &upload.identity {
            Some(identity) => identity.0.clone(),
            None => {
                let fresh = fresh_key()?.0;
                let kept = app.central().write(async |tx| rows::identity(tx, upload.id, &fresh).await).await?;
                kept.ok_or_else(|| Problem::not_found("upload"))?
            }
        };
        let key = identity.reveal().parse().map_err(Problem::internal)?;
        let come = app.central().read(async |tx| upload_pieces::come(tx, upload.id).await).await?;
        Ok(Self { app, memory, upload, key, come })
    }

    /// How far it has come.
    pub(super) fn bytes(&self) -> u64 {
        u64::try_from(self.come.bytes).unwrap_or(0)
    }

    /// Adds all that comes, up to the end of the file. What came before something went wrong stays: the client asks how far
    /// it got, and goes on there.
    pub(super) async fn take(mut self, piece: Piece) -> Result<(Upload, u64), Problem> {
        let mut coming = piece.read(total(&self.upload).saturating_sub(self.bytes()));
        while let Some(Filled { sealer, held, end }) = self.fill(&mut coming).await? {
            self.refuse_too_many()?;
            self.keep(sealer.finish()?, held).await?;
            match end {
                Some(Ok(())) => break,
                Some(Err(refused)) => return Err(refused),
                None => {}
            }
        }
        let bytes = self.bytes();
        Ok((self.upload, bytes))
    }

    /// As much as makes a piece, or as comes in time, or as there is memory for; nothing when nothing comes any more.
    async fn fill(&self, coming: &mut Coming) -> Result<Option<Filled>, Problem> {
        let longest = PIECE_BYTES.min(coming.left());
        let Some(first) = coming.next(1).await? else { return Ok(None) };
        let held = self.memory.take().await?;
        let mut filled = Filled { sealer: self.key.seal()?, held, end: None };
        filled.sealer.append(&first)?;
        let until = Instant::now() + SLOWEST;
        while filled.sealer.bytes() < longest && filled.end.is_none() {
            let Some(room) = filled.room(longest) else { break };
            match timeout_at(until, coming.next(room)).await {
                Ok(Ok(Some(bytes))) => filled.sealer.append(&bytes)?,
                Ok(Ok(None)) => filled.end = Some(Ok(())),
                Ok(Err(refused)) => filled.end = Some(Err(refused)),
                Err(_) => break,
            }
        }
        Ok(Some(filled))
    }

    fn refuse_too_many(&self) -> Result<(), Problem> {
        let most = total(&self.upload).div_ceil(PIECE_BYTES) * 2 + SHORT_PIECES;
        if u64::try_from(self.come.pieces).unwrap_or(0) < most {
            return Ok(());
        }
        let detail = "the upload came in too many short pieces; begin again with longer ones";
        Err(Problem::conflict("too_many_pieces", detail))
    }

    async fn keep(&mut self, piece: SealedPiece, held: Held) -> Result<(), Problem> {
        let SealedPiece { sealed, bytes, sha256 } = piece;
        let object = self.app.store().ids().next();
        let key = PieceKey::of(self.upload.id, object);
        self.app.shelf().put_piece(&key, sealed).await?;
        drop(held);
        let (first_byte, number) = (self.come.bytes, self.come.pieces + 1);
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        let row =
            UploadPiece { upload_id: self.upload.id, first_byte, bytes, number, object, sha256: sha256.to_string() };
        let now = self.app.now();
        let expires_at = now.plus(PATIENCE).min(self.upload.created_at.plus(LONGEST));
        // An error may hide a commit: then the piece must stay. It goes with its upload.
        let appended =
            self.app.central().write(async |tx| upload_pieces::append(tx, &row, now, expires_at).await).await?;
        if appended == Appended::Here {
            self.upload.expires_at = expires_at;
            self.come = Come { bytes: first_byte + bytes, pieces: number };
            return Ok(());
        }
        if let Err(error) = self.app.shelf().remove_piece(&key).await {
            tracing::warn!(piece = %key, error = &error as &dyn std::error::Error, "upload.piece_stays");
        }
        Err(match appended {
            Appended::Closed => Problem::not_found("upload"),
            _ => Problem::conflict("upload_busy", "another piece was faster: ask how far the upload has come"),
        })
    }
}

impl Filled {
    /// How many bytes may come next; nothing when there is no memory for any.
    fn room(&mut self, longest: u64) -> Option<usize> {
        let kept = usize::try_from(self.sealer.bytes()).unwrap_or(usize::MAX);
        if self.held.bytes() <= kept && !self.held.grow() {
            return None;
        }
        let longest = usize::try_from(longest).unwrap_or(usize::MAX);
        Some(self.held.bytes().min(longest) - kept)
    }
}
