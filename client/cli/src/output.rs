//! The one place where results, notes and errors leave the program: as text for people, or as JSON for programs.

use {
    crate::{failure::Failure, value::count},
    clap::ValueEnum,
    comfy_table::{CellAlignment, ContentArrangement, Table, presets},
    indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle},
    multibus_client::text::{is_hidden, visible},
    rustix::event::{PollFd, PollFlags, Timespec},
    serde::Serialize,
    std::{
        fmt,
        io::{self, IsTerminal, Write},
        time::Duration,
    },
};

/// A terminal shows that work is going on once it takes longer than this.
const PATIENCE: Duration = Duration::from_secs(2);

/// What a terminal shows of work that takes long.
#[derive(Clone)]
pub struct Progress(ProgressBar);

impl Progress {
    /// Work of which nobody knows how long it takes.
    pub fn new(doing: &'static str) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden()).with_message(doing);
        let style = ProgressStyle::with_template("{spinner} {msg} ({elapsed})");
        Self(bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner())))
    }

    /// So many parts of it are done.
    pub fn show(&self, doing: &'static str, done: usize, total: usize) {
        let style = ProgressStyle::with_template("{msg:16} {wide_bar} {pos}/{len} {elapsed}");
        self.0.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        self.0.set_message(doing);
        self.0.set_length(total as u64);
        self.0.set_position(done as u64);
    }
}

/// Form of the output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum OutputFormat {
    /// Text for people.
    #[default]
    Text,
    /// JSON for programs: amounts are integers of the unit that the field's name ends in, addresses are base58.
    Json,
}

/// A result: its fields are the JSON, and the same fields fill a page of text.
pub trait View: Serialize {
    /// Writes the result as text.
    fn text(&self, page: &mut Page);

    /// What `--quiet` prints of it: the addresses or hashes that the next command needs; `None` for the whole text.
    fn essence(&self) -> Option<Vec<String>> {
        None
    }

    /// Why the call fails although its result was printed: a check that did not hold.
    fn failure(&self) -> Option<String> {
        None
    }
}

/// The sentence of a call that did only a part of what was asked: how many things are left, what became of them, and why,
/// one a line. `None` where nothing failed.
pub fn partly(noun: &str, fate: &str, failures: impl Iterator<Item = (String, impl fmt::Display)>) -> Option<String> {
    let lines: Vec<_> = failures.map(|(name, message)| format!("{name}: {message}")).collect();
    (!lines.is_empty()).then(|| format!("{} {fate}\n{}", count(lines.len() as u64, noun), lines.join("\n")))
}

/// What a command answers: any [`View`].
pub type Reply = Box<dyn Answer>;

/// A [`View`] as an object.
pub trait Answer {
    fn fill(&self, page: &mut Page);
    fn essence(&self) -> Option<Vec<String>>;
    fn json(&self, out: &mut dyn io::Write, pretty: bool) -> io::Result<()>;
    fn failure(&self) -> Option<String>;
}

impl<V: View> Answer for V {
    fn fill(&self, page: &mut Page) {
        self.text(page);
    }

    fn essence(&self) -> Option<Vec<String>> {
        View::essence(self)
    }

    fn json(&self, out: &mut dyn io::Write, pretty: bool) -> io::Result<()> {
        write_json(out, self, pretty)
    }

    fn failure(&self) -> Option<String> {
        View::failure(self)
    }
}

/// Text for people, made of lines, labelled fields and tables. Everything that comes from the chain passes through
/// [`visible`] on its way in.
#[derive(Default)]
pub struct Page {
    text: String,
}

impl Page {
    /// One line.
    pub fn line(&mut self, line: impl AsRef<str>) {
        self.text.push_str(&visible(line.as_ref()));
        self.text.push('\n');
    }

    /// Labelled fields, aligned.
    pub fn fields<'a>(&mut self, fields: impl IntoIterator<Item = (&'a str, String)>) {
        let fields: Vec<_> = fields.into_iter().collect();
        let width = fields.iter().map(|(label, _)| label.len()).max().unwrap_or(0);
        for (label, value) in fields {
            self.line(format!("{label:<width$}  {value}"));
        }
    }

    /// A table; numbers go to the columns whose title starts with '>' and are aligned to the right.
    pub fn table(&mut self, titles: &[&str], rows: impl IntoIterator<Item = Vec<String>>) {
        let mut table = Table::new();
        table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
        table.set_header(titles.iter().map(|title| title.trim_start_matches('>')));
        for row in rows {
            table.add_row(row.iter().map(|cell| visible(cell).into_owned()));
        }
        for (index, title) in titles.iter().enumerate() {
            if let Some(column) = table.column_mut(index) {
                column.set_padding((0, if index + 1 == titles.len() { 0 } else { 2 }));
                if title.starts_with('>') {
                    column.set_cell_alignment(CellAlignment::Right);
                }
            }
        }
        for line in table.to_string().lines() {
            self.text.push_str(line.trim_end());
            self.text.push('\n');
        }
    }
}

/// How often a stream of events looks whether somebody still reads it.
const READER_INTERVAL: Duration = Duration::from_millis(500);

/// Whether the reader at the other end of the standard output went away, as `head` does after its last line.
fn reader_is_gone() -> bool {
    let stdout = rustix::stdio::stdout();
    let mut ends = [PollFd::new(&stdout, PollFlags::empty())];
    rustix::event::poll(&mut ends, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).is_ok()
        && ends[0].revents().intersects(PollFlags::ERR | PollFlags::HUP)
}

/// Ends once nobody reads the standard output any more: a stream that waits for its next event would not notice.
pub async fn until_reader_is_gone() {
    while !reader_is_gone() {
        tokio::time::sleep(READER_INTERVAL).await;
    }
}

/// Where results go, and in which form.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    pub format: OutputFormat,
    /// Only what the next command needs: no notes, no progress bars.
    pub quiet: bool,
}

impl Output {
    /// Prints a result to the standard output.
    ///
    /// # Errors
    /// Where the standard output cannot be written; a reader that went away (`| head`) is no error.
    pub fn print(&self, answer: &dyn Answer) -> io::Result<()> {
        self.write(answer, true)
    }

    /// Prints one event of a stream: text, or one line of JSON.
    ///
    /// # Errors
    /// Where the standard output cannot be written.
    pub fn print_event(&self, answer: &dyn Answer) -> io::Result<()> {
        self.write(answer, false)
    }

    fn write(&self, answer: &dyn Answer, pretty: bool) -> io::Result<()> {
        let mut stdout = io::BufWriter::new(io::stdout().lock());
        let written = match self.format {
            // As it is made: the report of a long replay does not stand in memory as a whole.
            OutputFormat::Json => answer.json(&mut stdout, pretty).and_then(|()| stdout.write_all(b"\n")),
            OutputFormat::Text => {
                let mut page = Page::default();
                match answer.essence() {
                    Some(lines) if self.quiet => lines.iter().for_each(|line| page.line(line)),
                    _ => answer.fill(&mut page),
                }
                stdout.write_all(page.text.as_bytes())
            }
        };
        match written.and_then(|()| stdout.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            result => result,
        }
    }

    /// Prints why the call failed to the standard error.
    pub fn print_failure(&self, failure: &Failure) {
        match self.format {
            OutputFormat::Json => complain(&json(&failure.json(), true)),
            OutputFormat::Text => {
                for (index, line) in failure.message().lines().enumerate() {
                    complain(&format!("{}{}", if index == 0 { "error: " } else { "  " }, visible(line)));
                }
            }
        }
    }

    /// Awaits work. After two seconds a terminal shows that it is going on, and how far it is.
    pub async fn attend<T>(&self, progress: &Progress, work: impl Future<Output = T>) -> T {
        if !self.shows_progress() {
            return work.await;
        }
        let mut work = std::pin::pin!(work);
        if let Ok(done) = tokio::time::timeout(PATIENCE, &mut work).await {
            return done;
        }
        progress.0.set_draw_target(ProgressDrawTarget::stderr());
        progress.0.enable_steady_tick(Duration::from_millis(100));
        let done = work.await;
        progress.0.finish_and_clear();
        done
    }

    /// Tells people what is going on; nothing in JSON mode, where only results count.
    pub fn note(&self, note: impl AsRef<str>) {
        if !self.quiet && self.format == OutputFormat::Text {
            complain(&visible(note.as_ref()));
        }
    }

    /// Whether progress bars are shown: never where the standard error is not a terminal.
    pub fn shows_progress(&self) -> bool {
        !self.quiet && self.format == OutputFormat::Text && io::stderr().is_terminal()
    }
}

/// Writes a line to the standard error. Where nobody reads it, nobody can be told so.
fn complain(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// Columns of the terminal; 80 where the standard output is none.
pub fn columns() -> u16 {
    Table::new().width().unwrap_or(80)
}

/// JSON in which characters that change how a terminal shows the text are escaped; it reads back as the same value.
pub fn json(value: &impl Serialize, pretty: bool) -> String {
    let mut text = Vec::new();
    // Views are plain data with string keys, which always serialise.
    if let Err(error) = write_json(&mut text, value, pretty) {
        text = format!("{{\"error\":\"{error}\"}}").into_bytes();
    }
    String::from_utf8(text).unwrap_or_default()
}

/// The same, written as it is made.
fn write_json(out: &mut dyn io::Write, value: &impl Serialize, pretty: bool) -> io::Result<()> {
    let safe = Safe(out);
    if pretty { serde_json::to_writer_pretty(safe, value) } else { serde_json::to_writer(safe, value) }?;
    Ok(())
}

/// Escapes characters of JSON that change how a terminal shows the text.
struct Safe<'a>(&'a mut dyn io::Write);

impl io::Write for Safe<'_> {
    /// Of JSON, whole characters are written at a time.
    fn write(&mut self, json: &[u8]) -> io::Result<usize> {
        let text = str::from_utf8(json).map_err(io::Error::other)?;
        let mut rest = text;
        while let Some((place, character)) = rest.char_indices().find(|(_, it)| *it != '\n' && is_hidden(*it)) {
            let (before, behind) = rest.split_at(place);
            self.0.write_all(before.as_bytes())?;
            // JSON is ASCII outside of strings, so this is inside of one.
            for unit in character.encode_utf16(&mut [0; 2]) {
                write!(self.0, "\\u{unit:04x}")?;
            }
            rest = &behind[character.len_utf8()..];
        }
        self.0.write_all(rest.as_bytes())?;
        Ok(json.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// An address with its middle left out, where the whole is shown elsewhere.
pub fn short(address: &impl ToString) -> String {
    let text = address.to_string();
    match (text.get(..4), text.get(text.len().saturating_sub(4)..)) {
        (Some(front), Some(back)) if text.len() > 9 => format!("{front}…{back}"),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_hides_nothing_and_keeps_the_value() {
        let value = serde_json::json!({ "name": "a\u{1b}\u{202e}\u{9b}\u{e0041}é", "n": u64::MAX });
        for pretty in [false, true] {
            let text = json(&value, pretty);
            assert!(!text.chars().any(|character| character != '\n' && is_hidden(character)), "{text}");
            assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
        }
    }

    #[test]
    fn tables_fit_80_columns_and_align() {
        let mut page = Page::default();
        let address = solana_address::Address::new_from_array([255; 32]).to_string();
        page.table(
            &["offer", ">price/kWh", ">free", "source"],
            [vec![address.clone(), "0.25".into(), "12.5 kWh".into(), "solar".into()]],
        );
        let lines: Vec<_> = page.text.lines().collect();
        assert_eq!(lines.len(), 2, "{}", page.text);
        assert!(lines.iter().all(|line| line.chars().count() <= 80), "{}", page.text);
        assert!(lines[1].starts_with(&address));
    }
}
