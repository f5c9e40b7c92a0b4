//! Where log lines are written: the console and the rotated file, each behind a bounded queue and a thread of its own.

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::fmt::writer::{BoxMakeWriter, MakeWriterExt};

use crate::rotation::RotatingFile;
use crate::{Console, Error, LogFormat, Settings};

/// Lines that may wait for a slow disk or pipe; at a few hundred bytes each, some megabytes.
const QUEUED_LINES: usize = 16_384;

/// Counts log lines that never reached the file or the console: the queue was full, or the write failed.
#[derive(Clone, Default)]
pub struct LostLines {
    queues: Vec<ErrorCounter>,
    failed: Arc<AtomicU64>,
}

impl LostLines {
    /// How many lines were lost since the start, live.
    #[must_use]
    pub fn count(&self) -> u64 {
        let dropped: usize = self.queues.iter().map(ErrorCounter::dropped_lines).sum();
        self.failed.load(Ordering::Relaxed) + dropped as u64
    }
}

/// The writers of each format, and what keeps them running.
pub(crate) struct Outputs {
    pub(crate) json: Option<BoxMakeWriter>,
    pub(crate) pretty: Option<BoxMakeWriter>,
    /// Whether the pretty lines may be coloured.
    pub(crate) colour: bool,
    pub(crate) lost: LostLines,
    pub(crate) writers: Vec<WorkerGuard>,
}

impl Outputs {
    pub(crate) fn open(settings: &Settings) -> Result<Self, Error> {
        let mut outputs =
            Self { json: None, pretty: None, colour: false, lost: LostLines::default(), writers: Vec::new() };
        let file = match &settings.log_file {
            Some(path) => Some(outputs.file(path.clone(), settings)?),
            None => None,
        };
        let console = outputs.console(settings.console);
        if pretty(settings) {
            outputs.pretty = console;
            outputs.json = file.map(BoxMakeWriter::new);
            outputs.colour = terminal(settings.console) && colour_wanted();
        } else {
            outputs.json = match (console, file) {
                (Some(console), Some(file)) => Some(BoxMakeWriter::new(console.and(file))),
                (console, file) => console.or(file.map(BoxMakeWriter::new)),
            };
        }
        Ok(outputs)
    }

    fn file(&mut self, path: PathBuf, settings: &Settings) -> Result<NonBlocking, Error> {
        let opened = RotatingFile::open(path.clone(), settings.log_file_bytes, settings.log_files);
        let file = opened.map_err(|source| Error::LogFile { path, source })?;
        Ok(self.queued("chiliview-log-file", file))
    }

    fn console(&mut self, console: Console) -> Option<BoxMakeWriter> {
        match console {
            Console::Stdout => Some(BoxMakeWriter::new(self.queued("chiliview-log-console", io::stdout()))),
            Console::Stderr => Some(BoxMakeWriter::new(io::stderr)),
            Console::None => None,
        }
    }

    fn queued(&mut self, thread: &str, writer: impl Write + Send + 'static) -> NonBlocking {
        let counted = Counted { writer, failed: Arc::clone(&self.lost.failed) };
        let (queue, guard) =
            NonBlockingBuilder::default().buffered_lines_limit(QUEUED_LINES).thread_name(thread).finish(counted);
        self.lost.queues.push(queue.error_counter());
        self.writers.push(guard);
        queue
    }
}

fn pretty(settings: &Settings) -> bool {
    match settings.log_format {
        LogFormat::Auto => terminal(settings.console),
        LogFormat::Json => false,
        LogFormat::Pretty => true,
    }
}

fn terminal(console: Console) -> bool {
    match console {
        Console::Stdout => io::stdout().is_terminal(),
        Console::Stderr => io::stderr().is_terminal(),
        Console::None => false,
    }
}

/// <https://no-color.org>
fn colour_wanted() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Counts the lines whose write failed; the queue's thread goes on with the next line and says nothing.
struct Counted<W> {
    writer: W,
    failed: Arc<AtomicU64>,
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let written = self.writer.write_all(line);
        if written.is_err() {
            self.failed.fetch_add(1, Ordering::Relaxed);
        }
        written.map(|()| line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;

    #[test]
    fn a_line_that_cannot_be_written_is_counted() {
        let mut outputs = Outputs::open(&Settings::default()).expect("no file to open");
        let full = fs::OpenOptions::new().write(true).open("/dev/full").expect("every Linux has it");
        let mut queue = outputs.queued("test", full);
        queue.write_all(b"one\n").expect("queued");
        queue.write_all(b"two\n").expect("queued");
        outputs.writers.clear();
        assert_eq!(outputs.lost.count(), 2);
    }

    #[test]
    fn a_log_file_that_cannot_be_opened_is_named() {
        let directory = TempDir::new().expect("a temporary directory");
        let settings = Settings { log_file: Some(directory.path().to_owned()), ..Settings::default() };
        let Err(Error::LogFile { path, .. }) = Outputs::open(&settings) else { panic!("a directory is no log file") };
        assert_eq!(path, directory.path());
    }
}
