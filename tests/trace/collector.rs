//! An OpenTelemetry collector in a process of its own: rotel, from the Python package of that name.

use std::{
    fs::{self, File},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use tempfile::TempDir;

use crate::support::{Process, free_address, python_environment, run, until};

/// A span as the collector prints it.
#[derive(Debug, Default)]
pub(super) struct Span {
    pub(super) trace: String,
    pub(super) parent: String,
    pub(super) id: String,
    pub(super) name: String,
    /// In nanoseconds since 1970.
    pub(super) began: u64,
    pub(super) ended: u64,
}

/// The process. Dropped, it is killed.
pub(crate) struct Collector {
    process: Process,
    address: String,
    directory: TempDir,
}

impl Collector {
    /// Nothing where it cannot be installed; that is said.
    pub(crate) async fn start() -> Option<Self> {
        let agent = installed()?;
        let directory = tempfile::tempdir().unwrap();
        let (http, grpc) = (free_address(), free_address());
        let mut command = Command::new(agent);
        command.args(["start", "--exporter", "blackhole"]);
        command.args(["--debug-log", "traces", "--debug-log-verbosity", "detailed"]);
        command.args(["--otlp-http-endpoint", &http, "--otlp-grpc-endpoint", &grpc]);
        command.stdout(File::create(directory.path().join("spans")).unwrap()).stderr(Stdio::null());
        let collector = Self { process: Process::start(&mut command), address: http, directory };
        until("the collector to listen", async || TcpStream::connect(&collector.address).ok()).await;
        Some(collector)
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Ends it, and reads all that it was told.
    pub(super) async fn stop(self) -> Vec<Span> {
        read(&self.end().await)
    }

    /// Ends it; all that it was told, as it prints it.
    pub(crate) async fn end(self) -> String {
        self.process.stop("the collector").await;
        fs::read_to_string(self.directory.path().join("spans")).unwrap()
    }
}

fn read(text: &str) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    for line in text.lines() {
        if line.starts_with("Span #") {
            spans.push(Span::default());
        }
        let (Some((key, value)), Some(span)) = (line.split_once(": "), spans.last_mut()) else { continue };
        match key.trim_end() {
            "    Trace ID" => value.clone_into(&mut span.trace),
            "    Parent ID" => value.clone_into(&mut span.parent),
            "    ID" => value.clone_into(&mut span.id),
            "    Name" => value.clone_into(&mut span.name),
            "Start time" => span.began = value.parse().unwrap(),
            "End time" => span.ended = value.parse().unwrap(),
            _ => {}
        }
    }
    spans
}

/// The program, where the Python package has it.
fn installed() -> Option<PathBuf> {
    let python = python_environment("collector", "tests/requirements.txt")?.join("python");
    let directory = run(Command::new(python).args(["-c", "import rotel; print(rotel.__path__[0])"])).stdout;
    Some(Path::new(String::from_utf8(directory).unwrap().trim()).join("rotel-agent"))
}
