//! A running `chiliview serve`, or `chiliview worker`.

use std::{fs::File, path::PathBuf, process::ExitStatus};

use rustix::process::Pid;

use super::{Home, Process, until};

/// The process. Dropped, it is killed.
pub(crate) struct Server {
    process: Process,
    /// Where it listens, such as `http://127.0.0.1:41234`; nowhere when it works.
    pub(crate) url: String,
    words: PathBuf,
    log: PathBuf,
}

impl Server {
    /// Starts one in its home, on a free port, and waits until it listens. Its words go into files of its name.
    pub(super) async fn serve(home: &Home, name: &str, arguments: &[&str]) -> Self {
        let mut server = Self::start(home, name, &[&["serve", "--listen", "127.0.0.1:0"], arguments].concat());
        server.url = until("the service to listen", async || server.listens()).await;
        if let Some(password) = server.said("  password  ") {
            let _ = home.password.set(password);
        }
        server
    }

    /// Starts one that works, and waits until it does.
    pub(super) async fn work(home: &Home, name: &str) -> Self {
        let mut server = Self::start(home, name, &["worker"]);
        until("the worker to work", async || server.running().said(" works on ").map(drop)).await;
        server
    }

    fn start(home: &Home, name: &str, arguments: &[&str]) -> Self {
        let (words, log) = (home.path(format!("{name}.stderr")), home.path(format!("{name}.stdout")));
        let mut command = home.command(arguments);
        command.stdout(File::create(&log).unwrap()).stderr(File::create(&words).unwrap());
        Self { process: Process::start(&mut command), url: String::new(), words, log }
    }

    /// How often its log has said this since it was started.
    pub(crate) fn logged(&self, word: &str) -> usize {
        std::fs::read_to_string(&self.log).unwrap().matches(word).count()
    }

    pub(crate) fn pid(&self) -> Pid {
        self.process.pid()
    }

    /// SIGKILL: no time for anything.
    pub(crate) fn kill(self) {
        self.process.kill();
    }

    /// It stands still, and nobody is told.
    pub(crate) fn freeze(&self) {
        self.process.freeze();
    }

    /// It goes on where it was.
    pub(crate) fn thaw(&self) {
        self.process.thaw();
    }

    /// SIGTERM, and how it ended.
    pub(crate) async fn stop(self) -> ExitStatus {
        self.process.stop("the service").await
    }

    fn listens(&mut self) -> Option<String> {
        let address = self.running().said(" listens on ")?;
        address.strip_suffix(',').map(str::to_owned)
    }

    fn running(&mut self) -> &Self {
        let ended = self.process.ended();
        assert!(ended.is_none(), "the process ended, with the words: {}", self.stderr());
        self
    }

    /// The word after these, once there is one.
    fn said(&self, before: &str) -> Option<String> {
        let stderr = self.stderr();
        let (_, after) = stderr.split_once(before)?;
        after.split_whitespace().next().map(str::to_owned)
    }

    fn stderr(&self) -> String {
        std::fs::read_to_string(&self.words).unwrap_or_default()
    }
}
