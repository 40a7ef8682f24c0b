//! The bytes of a file: its encoding, its lines and the separator of its fields.

use {
    super::format::{Columns, FileError, MAX_FILE_BYTES, printable, row_error},
    crate::spool::{MEMORY_BYTES, loss},
    std::{
        collections::VecDeque,
        io::{self, BufRead, BufReader, BufWriter, Chain, Cursor, Read, Seek as _, Take, Write as _},
        iter,
    },
    tempfile::SpooledTempFile,
};

/// Longest header, in bytes.
const MAX_HEADER_BYTES: u64 = 64 << 10;
/// Longest row, in bytes. A quotation mark that is left open takes all that follows for one row.
const MAX_ROW_BYTES: u64 = 1 << 20;
/// Separators of fields, by the frequency of their use.
const SEPARATORS: [u8; 3] = [b',', b';', b'\t'];

/// Bytes that files of other kinds begin with, and what to do with them.
const OTHER_FORMATS: [(&[u8], &str); 5] = [
    (b"PK\x03", "the file is a workbook or a ZIP archive, not CSV; save the sheet as CSV, or unpack it"),
    (b"\xd0\xcf\x11", "the file is a workbook of Excel, not CSV; save the sheet as CSV"),
    (b"\x1f\x8b", "the file is compressed with gzip; unpack it"),
    (b"PAR", "the file is of Parquet, not CSV; write it as CSV"),
    (b"%PD", "the file is a PDF document, not CSV; save the table as CSV"),
];

type Text<R> = BufReader<Chain<Box<dyn Read>, R>>;

/// A file as UTF-8, read piece by piece. It remembers where lines end in what was read.
pub(super) struct Source<R> {
    text: Text<Take<R>>,
    /// Bytes that were read.
    offset: u64,
    /// Line of the next byte that the header leaves, from 1.
    line: u64,
    /// Where the present row begins.
    row_start: u64,
    /// Ends of lines that nobody has asked for, oldest first.
    line_ends: VecDeque<LineEnd>,
    ends_with_return: bool,
}

#[derive(Clone, Copy)]
struct LineEnd {
    offset: u64,
    /// Whether it is the second byte of CR LF.
    is_second: bool,
}

impl<R: Read> Source<R> {
    /// Begins to read a file.
    pub fn open(input: R) -> Result<Self, FileError> {
        let mut input = input.take(MAX_FILE_BYTES + 1);
        let mut start = Vec::with_capacity(3);
        (&mut input).take(3).read_to_end(&mut start).map_err(|error| FileError::File(unreadable(&error)))?;
        let start: Box<dyn Read> = match start.as_slice() {
            [0xff, 0xfe, rest @ ..] => Box::new(utf16(rest, &mut input, u16::from_le_bytes)?),
            [0xfe, 0xff, rest @ ..] => Box::new(utf16(rest, &mut input, u16::from_be_bytes)?),
            [0xef, 0xbb, 0xbf] => Box::new(io::empty()),
            _ => match OTHER_FORMATS.iter().find(|(signature, _)| start.starts_with(signature)) {
                Some((_, sentence)) => return Err(FileError::File((*sentence).into())),
                None => Box::new(Cursor::new(start)),
            },
        };
        let text = BufReader::new(start.chain(input));
        Ok(Self { text, offset: 0, line: 1, row_start: 0, line_ends: VecDeque::new(), ends_with_return: false })
    }

    /// Line of the first row behind the header.
    pub fn line(&self) -> u64 {
        self.line
    }

    /// Reads one line without its end; `None` at the end of the file.
    fn read_line(&mut self) -> Result<Option<Vec<u8>>, FileError> {
        let mut line = Vec::new();
        let failed = |error: io::Error| FileError::File(unreadable(&error));
        loop {
            let available = self.text.fill_buf().map_err(failed)?;
            if available.is_empty() {
                return Ok((!line.is_empty()).then_some(line));
            }
            let end = available.iter().position(|byte| matches!(byte, b'\r' | b'\n'));
            line.extend_from_slice(&available[..end.unwrap_or(available.len())]);
            let Some(end) = end else {
                let read = available.len();
                self.text.consume(read);
                if line.len() as u64 > MAX_HEADER_BYTES {
                    return Ok(Some(line));
                }
                continue;
            };
            let is_return = available[end] == b'\r';
            self.text.consume(end + 1);
            if is_return && self.text.fill_buf().map_err(failed)?.first() == Some(&b'\n') {
                self.text.consume(1);
            }
            self.line += 1;
            return Ok(Some(line));
        }
    }
}

fn unreadable(error: &io::Error) -> String {
    format!("the file cannot be read: {error}")
}

/// The rest of a file in UTF-16, as UTF-8 in a temporary file.
fn utf16(start: &[u8], input: &mut Take<impl Read>, unit: fn([u8; 2]) -> u16) -> Result<SpooledTempFile, FileError> {
    let failed = |error: io::Error| FileError::File(loss("the text", &error));
    let not_throughout =
        || FileError::File("the file begins as UTF-16 and is not UTF-16 throughout; save it as UTF-8".into());
    let mut bytes = BufReader::new(start.chain(input.by_ref())).bytes();
    // Why the units end before the file does.
    let mut fault = None;
    let units = iter::from_fn(|| {
        let pair = [bytes.next()?, bytes.next().unwrap_or_else(|| Err(io::ErrorKind::UnexpectedEof.into()))];
        match pair {
            [Ok(first), Ok(second)] => Some(unit([first, second])),
            [Err(error), _] | [_, Err(error)] => {
                fault = Some(error);
                None
            }
        }
    });
    let mut text = BufWriter::new(SpooledTempFile::new(MEMORY_BYTES));
    for character in char::decode_utf16(units) {
        let character = character.map_err(|_| not_throughout())?;
        text.write_all(character.encode_utf8(&mut [0; 4]).as_bytes()).map_err(failed)?;
    }
    match fault {
        Some(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Err(not_throughout()),
        Some(error) => return Err(FileError::File(unreadable(&error))),
        None if input.limit() == 0 => return Err(FileError::File(too_large())),
        None => {}
    }
    let mut text = text.into_inner().map_err(|error| failed(error.into_error()))?;
    text.rewind().map_err(failed)?;
    Ok(text)
}

fn too_large() -> String {
    format!("the file has more than {MAX_FILE_BYTES} bytes; split it")
}

impl<R: Read> Read for Source<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.text.read(buffer).map_err(|error| io::Error::new(error.kind(), unreadable(&error)))?;
        for &byte in &buffer[..read] {
            let is_second = byte == b'\n' && self.ends_with_return;
            self.ends_with_return = byte == b'\r';
            if matches!(byte, b'\r' | b'\n') {
                self.line_ends.push_back(LineEnd { offset: self.offset, is_second });
            }
            self.offset += 1;
        }
        if self.offset - self.row_start > MAX_ROW_BYTES {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("has more than {MAX_ROW_BYTES} bytes; is a quotation mark left open?"),
            ));
        }
        if read > 0 && self.text.get_ref().get_ref().1.limit() == 0 {
            return Err(io::Error::other(too_large()));
        }
        Ok(read)
    }
}

/// Tells the lines of records. The CSV reader's own count leaves out blank lines and lines that end in CR.
pub(super) struct Lines(u64);

impl Lines {
    pub fn from_line(line: u64) -> Self {
        Self(line)
    }

    /// Line of the record that was read from a byte on, which is never before the last one asked for.
    pub fn line_at<R>(&mut self, mut byte: u64, source: &mut Source<R>) -> u64 {
        source.row_start = byte;
        while let Some(end) = source.line_ends.front().filter(|end| end.offset <= byte) {
            self.0 += u64::from(!end.is_second);
            // Blank lines before the record.
            byte += u64::from(end.offset == byte);
            source.line_ends.pop_front();
        }
        self.0
    }
}

/// The fields of a row that are used.
pub(crate) struct Fields<'a, const N: usize, const M: usize> {
    /// Those of [`Columns::needed`].
    pub needed: [&'a str; N],
    /// Those of [`Columns::further`], where the file has them.
    pub further: Option<[&'a str; M]>,
}

/// How a file writes its rows.
pub(super) struct Dialect<const N: usize, const M: usize> {
    columns: &'static Columns<N, M>,
    /// Between two fields.
    pub separator: u8,
    /// Places of [`Columns::needed`] in a row.
    places: [usize; N],
    /// Places of [`Columns::further`], where the file has them.
    further_places: Option<[usize; M]>,
    /// Names of all columns.
    names: Vec<String>,
    /// Sentences about what is not used.
    pub notes: Vec<String>,
}

impl<const N: usize, const M: usize> Dialect<N, M> {
    /// Reads the header.
    ///
    /// # Errors
    /// Where it does not name the columns.
    pub fn of(source: &mut Source<impl Read>, columns: &'static Columns<N, M>) -> Result<Self, FileError> {
        let (needed, further) = (&columns.needed, &columns.further);
        let header = needed.join(",");
        let (number, line) = loop {
            let number = source.line;
            let Some(line) = source.read_line()? else {
                return Err(FileError::File(format!("the file is empty; its first line must be {header:?}")));
            };
            // Spreadsheets may name the separator in a line of its own.
            let is_hint = matches!(line.as_slice(), [b's', b'e', b'p', b'=', _]);
            if !line.trim_ascii().is_empty() && !is_hint {
                break (number, line);
            }
        };
        let read = SEPARATORS.into_iter().filter_map(|separator| Some((separator, columns.names(&line, separator)?)));
        let mut dialects =
            read.filter(|(_, names)| needed.iter().all(|column| names.iter().any(|name| name == column)));
        let Some((separator, names)) = dialects.next() else {
            let shown = String::from_utf8_lossy(&line[..line.len().min(400)]);
            return Err(row_error(
                number,
                format!(
                    "the header is \"{}\", it must be \"{header}\", with commas, semicolons or tabs{}",
                    printable(&shown),
                    if line.contains(&0) { "; it has zero bytes: save the file as UTF-8" } else { "" }
                ),
            ));
        };
        let twice = names.iter().enumerate().find(|(place, name)| !name.is_empty() && names[..*place].contains(name));
        if let Some((_, name)) = twice {
            return Err(row_error(
                number,
                format!("the header has the column \"{}\" twice; keep one", printable(name)),
            ));
        }
        let place = |column: &str| names.iter().position(|name| name == column);
        let places = needed.map(|column| place(column).unwrap_or_default());
        let found = further.map(place);
        let present = found.iter().position(Option::is_some);
        let missing = found.iter().position(Option::is_none);
        if let (Some(present), Some(missing)) = (present, missing) {
            let [present, missing] = [present, missing].map(|index| further[index]);
            return Err(row_error(
                number,
                format!("the header has the column {present} and not {missing}; add it, or remove {present}"),
            ));
        }
        let further_places = present.is_some().then(|| found.map(Option::unwrap_or_default));
        let others: Vec<String> = names
            .iter()
            .filter(|name| !name.is_empty())
            .filter(|name| !needed.contains(&name.as_str()) && !further.contains(&name.as_str()))
            .map(|name| printable(name))
            .collect();
        let notes = match others.as_slice() {
            [] => Vec::new(),
            [one] => vec![format!("the column {one} is not used")],
            several => vec![format!("the columns {} are not used", several.join(", "))],
        };
        Ok(Self { columns, separator, places, further_places, names, notes })
    }

    /// Whether the file has [`Columns::further`].
    pub fn has_further(&self) -> bool {
        self.further_places.is_some()
    }

    /// Whether a row is the header once more, as where one file was appended to another.
    pub fn is_header(&self, fields: &[&str]) -> bool {
        fields.len() == self.names.len()
            && fields
                .iter()
                .zip(&self.names)
                .all(|(field, name)| self.columns.name(field.trim_start_matches('\u{feff}')) == name.as_str())
    }

    /// The fields of a row that are used.
    ///
    /// # Errors
    /// Where the row has fewer or more fields than the header.
    pub fn fields<'a>(&self, fields: &[&'a str]) -> Result<Fields<'a, N, M>, String> {
        let width = self.names.iter().rposition(|name| !name.is_empty()).map_or(0, |last| last + 1);
        let used = self.places.iter().chain(self.further_places.iter().flatten());
        if let Some(missing) = used.copied().filter(|place| *place >= fields.len()).min() {
            return Err(format!("has {} of {width} columns; {} is missing", fields.len(), self.names[missing]));
        }
        // Spreadsheets may write empty fields behind the last column.
        if fields[width.min(fields.len())..].iter().any(|field| !field.is_empty()) {
            let names = self.names[..width].join(",");
            return Err(format!("has {} columns; it must have {width}: {}", fields.len(), printable(&names)));
        }
        Ok(Fields {
            needed: self.places.map(|place| fields[place]),
            further: self.further_places.map(|places| places.map(|place| fields[place])),
        })
    }
}

impl<const N: usize, const M: usize> Columns<N, M> {
    /// Names of columns in a header; `None` where it is not text.
    fn names(&self, header: &[u8], separator: u8) -> Option<Vec<String>> {
        let mut reader = csv::ReaderBuilder::new().has_headers(false).delimiter(separator).from_reader(header);
        let record = reader.records().next()?.ok()?;
        Some(record.iter().map(|name| self.name(name).to_owned()).collect())
    }

    /// Name of a column: those that are used may be written in any case.
    fn name<'a>(&self, name: &'a str) -> &'a str {
        let name = name.trim();
        let known = self.needed.into_iter().chain(self.further).find(|column| column.eq_ignore_ascii_case(name));
        known.unwrap_or(name)
    }
}
