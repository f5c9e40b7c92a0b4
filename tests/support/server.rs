//! A running `chiliview serve`, or `chiliview worker`.

use std::{
    fs::File,
    path::PathBuf,
    process::{Child, ExitStatus},
};

use rustix::process::{Pid, Signal, kill_process};

use super::{Home, until};

/// The process. Dropped, it is killed.
pub(crate) struct Server {
    process: Child,
    /// Where it listens, such as `http://127.0.0.1:41234`; nowhere when it works.
    pub(crate) url: String,
    words: PathBuf,
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
        let words = home.path(format!("{name}.stderr"));
        let mut command = home.command(arguments);
        command
            .stdout(File::create(home.path(format!("{name}.stdout"))).unwrap())
            .stderr(File::create(&words).unwrap());
        Self { process: command.spawn().unwrap(), url: String::new(), words }
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_child(&self.process)
    }

    /// SIGKILL: no time for anything.
    pub(crate) fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// SIGTERM, and how it ended.
    pub(crate) async fn stop(mut self) -> ExitStatus {
        kill_process(self.pid(), Signal::TERM).unwrap();
        until("the service to stop", async || self.process.try_wait().unwrap()).await
    }

    fn listens(&mut self) -> Option<String> {
        let address = self.running().said(" listens on ")?;
        address.strip_suffix(',').map(str::to_owned)
    }

    fn running(&mut self) -> &Self {
        let ended = self.process.try_wait().unwrap();
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

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
