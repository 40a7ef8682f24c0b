//! Files of rows: CSV with a header, in which people and programs write in many ways.
//!
//! Rows and columns may come in any order; columns with other names are not used. Fields are separated by commas, semicolons
//! or tabs, as the header shows. The text is UTF-8, or UTF-16 with a byte order mark. Rows without any content are skipped, and
//! so is the header where it comes again. Numbers may be written with an exponent (`1e+05`) or zeros behind the point, as long
//! as they are whole. Names are compared in Unicode's normal form C; two that differ only in characters that cannot be seen are
//! refused. Anything else is refused with the line and the reason.

mod field;
mod format;
mod source;

use {
    self::source::{Dialect, Lines, Source},
    std::io::{self, Read},
};

pub use self::format::FileError;
pub(crate) use self::{
    field::{Names, Number, instant},
    format::{Columns, FORMULA_SIGNS, printable, row_error},
    source::Fields,
};

/// What a file has beside its rows.
pub(crate) struct Rest {
    /// Whether it has [`Columns::further`].
    pub has_further: bool,
    /// Sentences about columns that are not used.
    pub of_columns: Vec<String>,
    /// Sentences about rows that are not used.
    pub of_rows: Vec<String>,
}

/// Reads CSV: calls `row` with the line, the fields and the separator of each row that has any content.
///
/// # Errors
/// [`FileError`], with the line where a row is at fault; the error of `row` is one.
pub(crate) fn read<const N: usize, const M: usize>(
    input: impl Read,
    columns: &'static Columns<N, M>,
    mut row: impl FnMut(u64, Fields<'_, N, M>, u8) -> Result<(), String>,
) -> Result<Rest, FileError> {
    let mut source = Source::open(input)?;
    let dialect = Dialect::of(&mut source, columns)?;
    let mut lines = Lines::from_line(source.line());
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).flexible(true).delimiter(dialect.separator).from_reader(source);
    let mut headers = Vec::new();
    let mut record = csv::ByteRecord::new();
    loop {
        let start = reader.position().byte();
        let read = reader.read_byte_record(&mut record);
        let line = lines.line_at(start, reader.get_mut());
        match read {
            Ok(true) => {}
            Ok(false) => break,
            // What the source refuses has a sentence of its own.
            Err(error) => {
                return Err(match error.kind() {
                    csv::ErrorKind::Io(error) if error.kind() != io::ErrorKind::InvalidData => {
                        FileError::File(error.to_string())
                    }
                    _ => row_error(line, error.to_string()),
                });
            }
        }
        let fields = record
            .iter()
            .map(|field| std::str::from_utf8(field).map(str::trim))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|_| row_error(line, "is not UTF-8; save the file as UTF-8"))?;
        if dialect.is_header(&fields) {
            headers.push(line);
        } else if fields.iter().any(|field| !field.is_empty()) {
            let used = dialect.fields(&fields).and_then(|fields| row(line, fields, dialect.separator));
            used.map_err(|reason| row_error(line, reason))?;
        }
    }
    let of_rows = match headers.as_slice() {
        [] => Vec::new(),
        [line] => vec![format!("line {line} is the header once more, and is skipped")],
        [first, ..] => vec![format!(
            "{} lines are the header once more, the first one line {first}, and are skipped",
            headers.len()
        )],
    };
    Ok(Rest { has_further: dialect.has_further(), of_columns: dialect.notes, of_rows })
}
