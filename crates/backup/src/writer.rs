//! Writing a backup.

use crate::format::{Digest, End, FORMAT, Header, Kind, MAGIC, chain, first_digest};
use crate::limits::CHUNK_BYTES;
use std::io::{self, Read, Write};

/// A backup that is being written. It counts once [`Writer::finish`] has returned.
pub struct Writer<W> {
    out: W,
    digest: Digest,
    end: End,
}

impl<W: Write> Writer<W> {
    /// Begins a backup.
    ///
    /// # Errors
    /// If nothing can be written.
    pub fn begin(mut out: W, header: &Header) -> io::Result<Self> {
        out.write_all(MAGIC)?;
        out.write_all(&FORMAT.to_be_bytes())?;
        let end = End { chunks: 0, bytes: 0 };
        let mut writer = Self { out, digest: first_digest(FORMAT), end };
        writer.frame(Kind::Header, &serde_json::to_vec(header)?)?;
        Ok(writer)
    }

    /// Writes all that `from` has, and tells `on_progress` how many bytes that is so far.
    ///
    /// # Errors
    /// If nothing can be read or written, or if `on_progress` fails.
    pub fn copy(
        &mut self,
        from: &mut impl Read,
        mut on_progress: impl FnMut(u64) -> io::Result<()>,
    ) -> io::Result<()> {
        let most = u64::try_from(CHUNK_BYTES).unwrap_or(u64::MAX);
        let mut chunk = Vec::with_capacity(CHUNK_BYTES);
        loop {
            chunk.clear();
            from.by_ref().take(most).read_to_end(&mut chunk)?;
            if chunk.is_empty() {
                return Ok(());
            }
            self.frame(Kind::Chunk, &chunk)?;
            self.end.chunks = self.end.chunks.saturating_add(1);
            let length = u64::try_from(chunk.len()).unwrap_or(u64::MAX);
            self.end.bytes = self.end.bytes.saturating_add(length);
            on_progress(self.end.bytes)?;
        }
    }

    /// Writes the end; what it was written to, and the digest that stands for all of it.
    ///
    /// # Errors
    /// If nothing can be written.
    pub fn finish(mut self) -> io::Result<(W, String)> {
        self.frame(Kind::End, &serde_json::to_vec(&self.end)?)?;
        self.out.flush()?;
        Ok((self.out, hexadecimal(&self.digest)))
    }

    fn frame(&mut self, kind: Kind, content: &[u8]) -> io::Result<()> {
        let too_long = |_| io::Error::other("a frame of a backup is too long");
        let length = u32::try_from(content.len()).map_err(too_long)?;
        self.digest = chain(&self.digest, kind, content);
        self.out.write_all(&[kind.byte()])?;
        self.out.write_all(&length.to_be_bytes())?;
        self.out.write_all(content)?;
        self.out.write_all(&self.digest)
    }
}

pub(crate) fn hexadecimal(digest: &Digest) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
