//! An OpenTelemetry collector in a process of its own: rotel, from the Python package of that name.

use std::{
    fs::{self, File},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::support::{built, missing, project, run, skip, until};

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
    process: Child,
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
        let collector = Self { process: command.spawn().unwrap(), address: http, directory };
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
    pub(crate) async fn end(mut self) -> String {
        kill_process(Pid::from_child(&self.process), Signal::TERM).unwrap();
        until("the collector to stop", async || self.process.try_wait().unwrap()).await;
        fs::read_to_string(self.directory.path().join("spans")).unwrap()
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
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

/// The program in a virtual environment below the target directory, installed there the first time.
fn installed() -> Option<PathBuf> {
    if missing(&["python3"]) {
        return None;
    }
    let wanted = project().join("tests/requirements.txt");
    let place = built("collector");
    let (python, stamp) = (place.join("bin/python"), place.join("requirements.txt"));
    if fs::read(&stamp).ok() != Some(fs::read(&wanted).unwrap()) {
        run(Command::new("python3").args(["-m", "venv"]).arg(&place));
        let mut install = Command::new(&python);
        install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]).arg(&wanted);
        let installed = install.output().unwrap();
        if !installed.status.success() {
            skip(&format!("the collector cannot be installed: {}", String::from_utf8_lossy(&installed.stderr)));
            return None;
        }
        fs::copy(&wanted, &stamp).unwrap();
    }
    let directory = run(Command::new(&python).args(["-c", "import rotel; print(rotel.__path__[0])"])).stdout;
    Some(Path::new(String::from_utf8(directory).unwrap().trim()).join("rotel-agent"))
}

/// Nobody listens there now.
fn free_address() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}
