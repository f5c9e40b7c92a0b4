//! One zstd frame and nothing else, decompressed within bounds: what it holds may be hostile.

use std::io::{self, Read};

use sha2::{Digest as _, Sha256};
use zstd::stream::raw::{DParameter, Decoder, InBuffer, Operation as _, OutBuffer};
use zstd::zstd_safe::get_frame_content_size;

use crate::adopt::Refusal;
use crate::damage::Damage;
use crate::digest::Digest;
use crate::durable;
use crate::error::Error;
use crate::scratch;
use crate::sqlite;
use crate::temporary::Temporary;
use crate::watch::Meter;

const CHUNK: usize = 256 << 10;

/// RFC 8878 recommends 8 MiB as the window that every decoder grants; ours takes 2.
const WINDOW_LOG: u32 = 23;

/// RFC 8878, section 3.1.1.
pub(crate) const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// What may come out of a frame.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Bound {
    /// The database that a manifest describes; there is room for it.
    Exactly {
        /// Its length.
        bytes: u64,
        /// Its digest.
        sha256: Digest,
    },
    /// Whatever it is, no more than that. Nobody has looked yet whether there is room.
    AtMost(u64),
}

/// One frame on its way into a file.
pub(crate) struct Frame<'a> {
    bound: Bound,
    file: &'a mut Temporary,
    meter: Meter,
    decoder: Decoder<'static>,
    plain: Sha256,
    written: u64,
    ended: bool,
}

impl<'a> Frame<'a> {
    pub(crate) fn new(bound: Bound, file: &'a mut Temporary, meter: Meter) -> Result<Self, Error> {
        let decoder = Decoder::new().and_then(|mut decoder| {
            decoder.set_parameter(DParameter::WindowLogMax(WINDOW_LOG))?;
            Ok(decoder)
        });
        let decoder = decoder.map_err(Error::io("prepare the decoder for", file.path()))?;
        Ok(Self { bound, file, meter, decoder, plain: Sha256::new(), written: 0, ended: false })
    }

    /// Decompresses all of `compressed`; length and digest of what came out. `failed` explains why it cannot be read.
    pub(crate) fn run(
        mut self,
        compressed: &mut impl Read,
        failed: impl Fn(io::Error) -> Error,
    ) -> Result<(u64, Digest), Error> {
        let (mut input, mut output) = (vec![0; CHUNK], vec![0; CHUNK]);
        let mut read = compressed.read(&mut input).map_err(&failed)?;
        self.header(&input[..read])?;
        while read > 0 {
            self.feed(&input[..read], &mut output)?;
            read = compressed.read(&mut input).map_err(&failed)?;
        }
        self.finish()
    }

    /// Refuses what is no frame of ours before anything is decoded: the library also knows older formats.
    fn header(&self, start: &[u8]) -> Result<(), Error> {
        if !start.starts_with(&MAGIC) {
            return Err(Damage::NotZstd.into());
        }
        let announced = get_frame_content_size(start).map_err(|error| Damage::Undecodable(error.to_string()))?;
        match (self.bound, announced) {
            (Bound::Exactly { bytes, .. }, Some(found)) if found != bytes => Err(self.size(found)),
            (Bound::AtMost(limit), Some(found)) if found > limit => Err(self.size(found)),
            (Bound::AtMost(limit), _) => {
                scratch::require(durable::parent(self.file.path()), announced.unwrap_or(limit))
            }
            _ => Ok(()),
        }
    }

    fn feed(&mut self, input: &[u8], output: &mut [u8]) -> Result<(), Error> {
        let mut source = InBuffer::around(input);
        loop {
            if self.ended && source.pos() < input.len() {
                return Err(Damage::Trailing.into());
            }
            let mut target = OutBuffer::around(&mut *output);
            let hint = self.decoder.run(&mut source, &mut target).map_err(refused)?;
            let produced = target.pos();
            self.ended = hint == 0;
            self.take(&output[..produced])?;
            let exhausted = source.pos() == input.len() && produced < output.len();
            if exhausted || (self.ended && source.pos() == input.len()) {
                return Ok(());
            }
        }
    }

    fn take(&mut self, plain: &[u8]) -> Result<(), Error> {
        let starts = self.written == 0 && !plain.is_empty();
        if starts && matches!(self.bound, Bound::AtMost(_)) && !plain.starts_with(sqlite::MAGIC) {
            return Err(Refusal::Unknown.into());
        }
        self.written += plain.len() as u64;
        if self.written > self.limit() {
            return Err(self.size(self.written));
        }
        self.plain.update(plain);
        self.file.append(plain)?;
        self.meter.advance(plain.len())
    }

    fn finish(self) -> Result<(u64, Digest), Error> {
        if !self.ended {
            return Err(Damage::Truncated.into());
        }
        let found = Digest::finish(self.plain.clone());
        match self.bound {
            Bound::Exactly { bytes, .. } if bytes != self.written => Err(self.size(self.written)),
            Bound::Exactly { sha256, .. } if sha256 != found => {
                Err(Damage::PlainDigest { expected: sha256, found }.into())
            }
            _ => Ok((self.written, found)),
        }
    }

    fn limit(&self) -> u64 {
        match self.bound {
            Bound::Exactly { bytes, .. } | Bound::AtMost(bytes) => bytes,
        }
    }

    fn size(&self, found: u64) -> Error {
        match self.bound {
            Bound::Exactly { bytes, .. } => Damage::PlainSize { expected: bytes, found }.into(),
            Bound::AtMost(limit) => Refusal::TooLarge { limit }.into(),
        }
    }
}

/// zstd's errors reach us as text only.
fn refused(error: io::Error) -> Damage {
    let text = error.to_string();
    if text.contains("too much memory") {
        Damage::WindowTooLarge { limit: 1 << WINDOW_LOG }
    } else {
        Damage::Undecodable(text)
    }
}
