//! Runs `chiliview` in a directory of its own, without the variables of whoever runs the tests.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::mpsc,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Nothing here takes a tenth of it; a test that hangs must end.
const PATIENCE: Duration = Duration::from_secs(60);

/// A working directory, with `data` in it once something ran.
pub(crate) struct Place(TempDir);

impl Place {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.path().join("data")
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_chiliview"));
        command.args(arguments).current_dir(self.path()).env_clear();
        command
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        Ran(self.command(arguments).output().unwrap())
    }

    /// Starts the service on a free port, and waits until it listens.
    pub(crate) fn serve(&self) -> Service {
        self.serve_with(&[], &[])
    }

    pub(crate) fn serve_with(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Service {
        let mut command = self.command(&["serve", "--listen", "127.0.0.1:0"]);
        command.args(arguments).envs(environment.iter().copied());
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let (sender, lines) = mpsc::channel();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || stderr.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        let mut said = String::new();
        let url = loop {
            let line = lines.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("it does not listen: {said}"));
            said.push_str(&line);
            said.push('\n');
            if let Some((_, rest)) = line.split_once("listens on ") {
                break rest.split(',').next().unwrap().to_owned();
            }
        };
        Service { child, said, url }
    }
}

/// A command that has ended.
pub(crate) struct Ran(Output);

impl Ran {
    pub(crate) fn code(&self) -> Option<i32> {
        self.0.status.code()
    }

    pub(crate) fn out(&self) -> String {
        String::from_utf8_lossy(&self.0.stdout).into_owned()
    }

    pub(crate) fn err(&self) -> String {
        String::from_utf8_lossy(&self.0.stderr).into_owned()
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.0.stdout).unwrap_or_else(|_| panic!("no JSON: {}{}", self.out(), self.err()))
    }
}

/// A service that listens.
pub(crate) struct Service {
    child: Child,
    /// What it said on standard error until then.
    pub(crate) said: String,
    pub(crate) url: String,
}

impl Service {
    /// The password in the box, if it showed one.
    pub(crate) fn password(&self) -> Option<String> {
        let line = self.said.lines().find(|line| line.contains("  password  "))?;
        line.split_whitespace().nth(2).map(str::to_owned)
    }

    pub(crate) fn listen(&self) -> &str {
        self.url.trim_start_matches("http://")
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// How it ended.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "it does not end");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub(crate) fn stop(mut self) -> Option<i32> {
        self.signal(Signal::TERM);
        self.wait().code()
    }

    /// Logs in; the status, and the token.
    pub(crate) fn log_in(&self, password: &str) -> (u16, String) {
        let (status, body) = self.post("/api/auth/login", "", &json!({"username": "admin", "password": password}));
        (status, body["token"].as_str().unwrap_or_default().to_owned())
    }

    pub(crate) fn post(&self, path: &str, token: &str, body: &Value) -> (u16, Value) {
        self.send("POST", path, token, &body.to_string())
    }

    pub(crate) fn get(&self, path: &str, token: &str) -> (u16, Value) {
        self.send("GET", path, token, "")
    }

    /// HTTP/1.0 by hand: one request, one connection, and the body is what comes until it closes.
    fn send(&self, method: &str, path: &str, token: &str, body: &str) -> (u16, Value) {
        use std::io::Write as _;
        let mut stream = std::net::TcpStream::connect(self.listen()).unwrap();
        let length = body.len();
        let authorization = if token.is_empty() { String::new() } else { format!("Authorization: Bearer {token}\r\n") };
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\n{authorization}\r\n{body}",
            self.listen()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split_whitespace().nth(1).unwrap().parse().unwrap();
        (status, serde_json::from_str(body).unwrap_or_default())
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // Only one that a failed test left.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
