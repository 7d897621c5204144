//! Reading a backup: nothing of a frame is believed before its digest was right.

use crate::error::BackupError;
use crate::format::{Digest, End, FORMAT, Header, Kind, MAGIC, chain, first_digest};
use crate::limits::{CHUNK_BYTES, JSON_BYTES};
use crate::writer::hexadecimal;
use std::io::{self, Read};

/// A backup that is being read.
pub struct Reader<R> {
    input: R,
    /// The bytes that were read.
    at: u64,
    digest: Digest,
    header: Header,
    read: End,
    content: Vec<u8>,
    is_at_end: bool,
}

impl<R: Read> Reader<R> {
    /// Reads what a backup says of itself.
    ///
    /// # Errors
    /// If it is none, if another version wrote it, or if it is damaged or cannot be read.
    pub fn open(input: R) -> Result<Self, BackupError> {
        let mut reader = Self {
            input,
            at: 0,
            digest: first_digest(FORMAT),
            header: Header::default(),
            read: End { chunks: 0, bytes: 0 },
            content: Vec::new(),
            is_at_end: false,
        };
        let mut magic = [0; MAGIC.len()];
        match reader.fill(&mut magic) {
            Err(BackupError::CutShort(_)) => return Err(BackupError::NotABackup),
            other => other?,
        }
        if magic != *MAGIC {
            return Err(BackupError::NotABackup);
        }
        let mut format = [0; 4];
        reader.fill(&mut format)?;
        match u32::from_be_bytes(format) {
            FORMAT => {}
            other => return Err(BackupError::UnknownFormat(other)),
        }
        let begin = reader.at;
        if reader.frame()? != Kind::Header {
            return Err(damaged(begin, "its header is missing"));
        }
        let header: Option<Header> = serde_json::from_slice(&reader.content).ok();
        let header = header.filter(Header::is_sound);
        reader.header = header.ok_or(damaged(begin, "its header is not understood"))?;
        Ok(reader)
    }

    /// What it says of itself.
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// The next chunk of the database; `None` at the end, which is then known to be right: nothing
    /// is missing, and nothing follows.
    ///
    /// # Errors
    /// If it was cut short, is damaged, or cannot be read. What was read before is no backup then.
    pub fn next_chunk(&mut self) -> Result<Option<&[u8]>, BackupError> {
        if self.is_at_end {
            return Ok(None);
        }
        let begin = self.at;
        match self.frame()? {
            Kind::Header => Err(damaged(begin, "it has a second header")),
            Kind::End => {
                self.check_end(begin)?;
                self.is_at_end = true;
                Ok(None)
            }
            Kind::Chunk => {
                let length = u64::try_from(self.content.len()).unwrap_or(u64::MAX);
                self.read.chunks = self.read.chunks.saturating_add(1);
                self.read.bytes = self.read.bytes.saturating_add(length);
                if length == 0 || self.read.bytes > self.header.bytes {
                    return Err(damaged(begin, "a chunk has another length than was announced"));
                }
                Ok(Some(&self.content))
            }
        }
    }

    /// The digest of everything up to here: after the last chunk, the one that stands for all of
    /// the backup.
    pub fn digest(&self) -> String {
        hexadecimal(&self.digest)
    }

    fn check_end(&mut self, begin: u64) -> Result<(), BackupError> {
        let end: Option<End> = serde_json::from_slice(&self.content).ok();
        if end != Some(self.read) || self.read.bytes != self.header.bytes {
            return Err(damaged(begin, "its end counts something else than there is"));
        }
        let mut more = [0; 1];
        match self.input.read(&mut more) {
            Ok(0) => Ok(()),
            Ok(_) => Err(damaged(self.at, "something follows its end")),
            Err(error) => Err(error.into()),
        }
    }

    /// Reads a frame into `content`, once its digest was right.
    fn frame(&mut self) -> Result<Kind, BackupError> {
        let begin = self.at;
        let mut kind = [0; 1];
        self.fill(&mut kind)?;
        let [kind] = kind;
        let kind = Kind::of(kind).ok_or(damaged(begin, "it is no frame"))?;
        let mut length = [0; 4];
        self.fill(&mut length)?;
        let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        let most = if kind == Kind::Chunk { CHUNK_BYTES } else { JSON_BYTES };
        if length > most {
            return Err(damaged(begin, "a frame is longer than any that is written"));
        }
        let mut content = std::mem::take(&mut self.content);
        content.resize(length, 0);
        self.fill(&mut content)?;
        self.content = content;
        let mut digest = [0; 32];
        self.fill(&mut digest)?;
        if digest != chain(&self.digest, kind, &self.content) {
            return Err(damaged(begin, "a digest is wrong"));
        }
        self.digest = digest;
        Ok(kind)
    }

    fn fill(&mut self, buffer: &mut [u8]) -> Result<(), BackupError> {
        let at = self.at;
        self.input.read_exact(buffer).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => BackupError::CutShort(at),
            _ => BackupError::Io(error),
        })?;
        self.at = at.saturating_add(u64::try_from(buffer.len()).unwrap_or(u64::MAX));
        Ok(())
    }
}

fn damaged(at: u64, what: &'static str) -> BackupError {
    BackupError::Damaged { at, what }
}
