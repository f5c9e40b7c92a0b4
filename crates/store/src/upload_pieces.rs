//! Pieces of uploads that are on the shelf: how far an upload has come is where the last of them ends.

use sqlx::FromRow;

use crate::{
    clock::Timestamp,
    error::Result,
    ids::{PieceId, UploadId},
    seam::Tx,
};

/// A row of `upload_pieces`.
#[derive(Clone, Debug, FromRow)]
#[expect(missing_docs, reason = "the columns are described in the migration")]
pub struct UploadPiece {
    pub upload_id: UploadId,
    pub first_byte: i64,
    pub bytes: i64,
    /// How many there are with this one.
    pub number: i64,
    /// Its name on the shelf.
    pub object: PieceId,
    /// Of what is in it.
    pub sha256: String,
}

/// How far an upload has come.
#[derive(Clone, Copy, Debug, Default, FromRow, PartialEq, Eq)]
pub struct Come {
    /// Where the next piece begins.
    pub bytes: i64,
    /// How many there are.
    pub pieces: i64,
}

/// What became of a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Appended {
    /// The upload goes on behind it.
    Here,
    /// The upload does not end where the piece begins: another one was faster.
    Elsewhere,
    /// The upload takes no pieces any more, or is gone.
    Closed,
}

/// How far the upload has come.
pub async fn come(tx: &mut Tx, upload: UploadId) -> Result<Come> {
    let last = tx
        .query(
            "SELECT first_byte + bytes AS bytes, number AS pieces FROM upload_pieces WHERE upload_id = $1
             ORDER BY first_byte DESC LIMIT 1",
        )
        .bind(upload)
        .fetch_optional()
        .await?;
    Ok(last.unwrap_or_default())
}

/// Adds a piece that is on the shelf, at the end of an upload that is open at `now` and stays so until `expires_at`. Its
/// number is found here.
pub async fn append(tx: &mut Tx, piece: &UploadPiece, now: Timestamp, expires_at: Timestamp) -> Result<Appended> {
    let open = tx
        .query("UPDATE uploads SET expires_at = $2 WHERE id = $1 AND backup_id IS NULL AND expires_at > $3")
        .bind(piece.upload_id)
        .bind(expires_at)
        .bind(now)
        .execute()
        .await?;
    if open != 1 {
        return Ok(Appended::Closed);
    }
    let before = come(tx, piece.upload_id).await?;
    if before.bytes != piece.first_byte {
        return Ok(Appended::Elsewhere);
    }
    let added = tx
        .query(
            "INSERT INTO upload_pieces (upload_id, first_byte, bytes, number, object, sha256)
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (upload_id, first_byte) DO NOTHING",
        )
        .bind(piece.upload_id)
        .bind(piece.first_byte)
        .bind(piece.bytes)
        .bind(before.pieces + 1)
        .bind(piece.object)
        .bind(piece.sha256.clone())
        .execute()
        .await?;
    Ok(if added == 1 { Appended::Here } else { Appended::Elsewhere })
}

/// All of an upload, in order.
pub async fn all(tx: &mut Tx, upload: UploadId) -> Result<Vec<UploadPiece>> {
    tx.query(
        "SELECT upload_id, first_byte, bytes, number, object, sha256 FROM upload_pieces WHERE upload_id = $1
         ORDER BY first_byte",
    )
    .bind(upload)
    .fetch_all()
    .await
}
