//! Plain bytes in, one zstd frame out, encrypted or not, with the digests of both taken on the way.

use std::io::{self, Write};
use std::num::NonZero;
use std::thread::available_parallelism;

use sha2::{Digest as _, Sha256};
use zstd::stream::write::Encoder;

use crate::digest::Digest;
use crate::seal::{Seal, Sealer};

/// Higher levels cost more time than they save room.
pub(crate) const LEVEL: i32 = 3;

/// Below two of zstd's jobs (8 MiB each at this level) a second thread has nothing to do. Smaller jobs save 30 MB of
/// memory, and cost a fifth more time: the workers wait for input more often.
const WORTH_WORKERS: u64 = 16 << 20;

/// zstd is handed so much at once: a page at a time would cost it a tenth more.
const PIECE: usize = 128 << 10;

/// A frame that is being written to `W`.
pub(crate) struct Packer<W: Write> {
    encoder: Encoder<'static, Sealer<Stored<W>>>,
    waiting: Vec<u8>,
    plain: Sha256,
    plain_bytes: u64,
}

/// What a finished frame amounts to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Packed {
    pub(crate) plain_bytes: u64,
    pub(crate) stored_bytes: u64,
    pub(crate) plain_sha256: Digest,
    pub(crate) stored_sha256: Digest,
}

impl<W: Write> Packer<W> {
    /// A frame for exactly `plain_bytes`, a length that its header will tell. The checksum is what catches damage
    /// that decodes: without it every fifth flipped bit does.
    pub(crate) fn new(to: W, plain_bytes: u64, seal: &Seal) -> io::Result<Self> {
        let to = seal.around(Stored { to, hash: Sha256::new(), bytes: 0 })?;
        let mut encoder = Encoder::new(to, LEVEL)?;
        encoder.include_checksum(true)?;
        encoder.set_pledged_src_size(Some(plain_bytes))?;
        if plain_bytes >= WORTH_WORKERS && available_parallelism().is_ok_and(|cores| cores > NonZero::<usize>::MIN) {
            encoder.multithread(2)?;
        }
        Ok(Self { encoder, waiting: Vec::with_capacity(PIECE), plain: Sha256::new(), plain_bytes: 0 })
    }

    pub(crate) fn write(&mut self, plain: &[u8]) -> io::Result<()> {
        if self.waiting.len() + plain.len() > PIECE {
            self.hand_over()?;
        }
        self.waiting.extend_from_slice(plain);
        Ok(())
    }

    fn hand_over(&mut self) -> io::Result<()> {
        self.plain.update(&self.waiting);
        self.plain_bytes += self.waiting.len() as u64;
        self.encoder.write_all(&self.waiting)?;
        self.waiting.clear();
        Ok(())
    }

    /// Ends the frame.
    pub(crate) fn finish(mut self) -> io::Result<Packed> {
        self.hand_over()?;
        let stored = self.encoder.finish()?.finish()?;
        Ok(Packed {
            plain_bytes: self.plain_bytes,
            stored_bytes: stored.bytes,
            plain_sha256: Digest::finish(self.plain),
            stored_sha256: Digest::finish(stored.hash),
        })
    }
}

/// Counts and hashes what passes through to `to`.
struct Stored<W> {
    to: W,
    hash: Sha256,
    bytes: u64,
}

impl<W: Write> Write for Stored<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.to.write(bytes)?;
        self.hash.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipients::Recipients;

    fn packed(plain: &[u8]) -> (Vec<u8>, Packed) {
        let mut out = Vec::new();
        let mut packer = Packer::new(&mut out, plain.len() as u64, &Seal::of(&Recipients::none())).unwrap();
        plain.chunks(4096).for_each(|chunk| packer.write(chunk).unwrap());
        let packed = packer.finish().unwrap();
        (out, packed)
    }

    #[test]
    fn the_frame_tells_its_length_and_carries_a_checksum() {
        for len in [4096, 17 << 20] {
            let plain: Vec<u8> = (0..len).map(|n: u32| (n / 7 % 251) as u8).collect();
            let (frame, packed) = packed(&plain);
            assert_eq!(zstd::zstd_safe::get_frame_content_size(&frame).unwrap(), Some(u64::from(len)));
            assert_eq!(frame[4] & 4, 4, "Content_Checksum_flag, RFC 8878 section 3.1.1.1.1");
            assert_eq!(zstd::decode_all(frame.as_slice()).unwrap(), plain);
            assert_eq!((packed.plain_sha256, packed.stored_sha256), (Digest::of(&plain), Digest::of(&frame)));
        }
    }

    #[test]
    fn fewer_bytes_than_pledged_are_an_error() {
        let mut packer = Packer::new(Vec::new(), 8192, &Seal::of(&Recipients::none())).unwrap();
        packer.write(&[1; 4096]).unwrap();
        assert!(packer.finish().is_err());
    }
}
