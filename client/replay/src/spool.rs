//! Bytes that are appended in blocks and read block by block. They stand in a temporary file, so that memory does not grow with
//! them.

use {
    std::io::{self, Read, Seek, SeekFrom, Write},
    tempfile::SpooledTempFile,
};

/// Bytes that wait to be written.
const PENDING_BYTES: usize = 64 << 10;
/// Bytes from which on something stands in a temporary file.
pub(crate) const MEMORY_BYTES: usize = 256 << 10;

/// Blocks of bytes. In memory are the last ones that were appended, and 8 bytes for each.
pub(crate) struct Spool {
    file: SpooledTempFile,
    /// Bytes in the file.
    written: u64,
    /// Bytes behind them.
    pending: Vec<u8>,
    /// Where each block begins.
    starts: Vec<u64>,
}

impl Default for Spool {
    fn default() -> Self {
        let file = SpooledTempFile::new(MEMORY_BYTES);
        Self { file, written: 0, pending: Vec::new(), starts: Vec::new() }
    }
}

impl Spool {
    /// How many blocks there are.
    pub fn len(&self) -> usize {
        self.starts.len()
    }

    /// Begins a block, which is empty.
    pub fn begin(&mut self) {
        self.starts.push(self.written + self.pending.len() as u64);
    }

    /// Appends to the last block what is appended to these bytes.
    ///
    /// # Errors
    /// Where the temporary file cannot be written.
    pub fn append(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> io::Result<()> {
        write(&mut self.pending);
        if self.pending.len() < PENDING_BYTES {
            return Ok(());
        }
        self.file.seek(SeekFrom::Start(self.written))?;
        self.file.write_all(&self.pending)?;
        self.written += self.pending.len() as u64;
        self.pending.clear();
        Ok(())
    }

    /// The bytes of a block; none where there is no such block.
    ///
    /// # Errors
    /// Where the temporary file cannot be read.
    pub fn block(&mut self, number: usize) -> io::Result<Vec<u8>> {
        let Some(&start) = self.starts.get(number) else { return Ok(Vec::new()) };
        let end = self.starts.get(number + 1).copied().unwrap_or(self.written + self.pending.len() as u64);
        let in_file = end.min(self.written).saturating_sub(start);
        let mut bytes = vec![0; in_file as usize];
        if in_file > 0 {
            self.file.seek(SeekFrom::Start(start))?;
            self.file.read_exact(&mut bytes)?;
        }
        let [from, to] = [start, end].map(|at| at.saturating_sub(self.written) as usize);
        bytes.extend_from_slice(&self.pending[from..to]);
        Ok(bytes)
    }

    /// Loses the last byte, for tests of what becomes of that.
    #[cfg(test)]
    pub fn lose_a_byte(&mut self) {
        self.pending.pop();
    }
}

/// Why what was to be kept is lost, and what to do.
pub(crate) fn loss(what: &str, error: &io::Error) -> String {
    format!(
        "{what} cannot be kept in a temporary file ({error}); make room in {}, or name another folder in the environment \
         variable TMPDIR",
        std::env::temp_dir().display()
    )
}
