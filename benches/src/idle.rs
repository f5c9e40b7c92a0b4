//! What `chiliview serve` takes of the memory while nobody asks for anything.

use std::{
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::{Child, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

use crate::{chiliview, directory, report};

const GOAL_MIB: f64 = 40.0;
const PATIENCE: Duration = Duration::from_secs(20);
const LOOK: Duration = Duration::from_millis(500);
/// Unchanged for so many looks: it is idle.
const STEADY: usize = 6;

fn lives(address: SocketAddr) -> bool {
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect(address)?;
        stream.write_all(b"GET /livez HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    ask().is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
}

/// `VmRSS`, proc(5).
fn resident_kib(pid: u32) -> Result<u32> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}

fn settled(child: &mut Child, address: SocketAddr) -> Result<(Duration, f64)> {
    let began = Instant::now();
    while !lives(address) {
        if let Some(status) = child.try_wait()? {
            bail!("chiliview ended: {status}");
        }
        anyhow::ensure!(began.elapsed() < PATIENCE, "chiliview does not answer");
        sleep(Duration::from_millis(5));
    }
    let started = began.elapsed();
    let mut seen = Vec::new();
    while seen.len() < 60 && !seen.ends_with(&[seen.last().copied().unwrap_or_default(); STEADY]) {
        sleep(LOOK);
        seen.push(resident_kib(child.id())?);
    }
    Ok((started, f64::from(seen.last().copied().unwrap_or_default()) / 1024.0))
}

/// Starts the program in an empty directory and prints what it takes.
pub(crate) fn measure(program: &Path) -> Result<()> {
    let directory = directory()?;
    let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let mut child = chiliview(program)
        .arg("serve")
        .env("CHILIVIEW_LISTEN", address.to_string())
        .env("CHILIVIEW_DATA_DIR", directory.path().join("data"))
        .env("CHILIVIEW_ADMIN_PASSWORD", "correct horse battery staple bench")
        .stdout(Stdio::null())
        .spawn()
        .with_context(|| format!("failed to start {}", program.display()))?;
    let settled = settled(&mut child, address);
    kill_process(Pid::from_child(&child), Signal::TERM)?;
    child.wait()?;
    let (started, resident) = settled?;
    let ours = format!("{resident:.1} MiB");
    report("idle memory of chiliview serve", &ours, &format!("of {GOAL_MIB} MiB"), resident / GOAL_MIB, "< 1");
    println!("{:<44} {:>11} ms", "from start to the first answer", started.as_millis());
    Ok(())
}
