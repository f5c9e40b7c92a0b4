//! How many tenants one installation bears: so many are made, listed, logged into and backed up, through the service as people
//! use it. No ratios: a figure for docs/SCALE.md, with the machine that it is from. Each step is bounded by the number alone.

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};

use crate::{chiliview, directory};

const PASSWORD: &str = "seven herons over the weir";
/// As many as press at once.
const AT_ONCE: usize = 16;
const SAMPLES: usize = 200;
/// When backing up takes longer, it is reported how far it got.
const PATIENCE: Duration = Duration::from_hours(2);

/// A service of the measurement's own, ended with it.
struct Service {
    process: Child,
    url: String,
    token: String,
    http: Client,
    /// From its start until it listened.
    started: Duration,
}

impl Drop for Service {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Service {
    /// On SQLite, or on the empty PostgreSQL database that `CHILIVIEW_DATABASE_URL` names.
    async fn start(program: &Path, data: &Path) -> Result<Self> {
        let mut command = chiliview(program);
        command.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(data);
        command.env("CHILIVIEW_ADMIN_PASSWORD", PASSWORD).env("CHILIVIEW_LOG_FILTER", "warn");
        command.env("CHILIVIEW_CONNECTIONS", "16");
        let begun = Instant::now();
        let mut process = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
        let stderr = BufReader::new(process.stderr.take().context("no stderr")?);
        let (url, token) = (String::new(), String::new());
        let mut service = Self { process, url, token, http: Client::new(), started: Duration::ZERO };
        let mut lines = stderr.lines().map_while(Result::ok);
        let line = lines.find(|line| line.contains(" listens on ")).context("it does not listen")?;
        service.started = begun.elapsed();
        let (_, after) = line.split_once(" listens on ").context("no address")?;
        service.url = after.split(',').next().unwrap_or_default().to_owned();
        std::thread::spawn(move || lines.for_each(drop));
        let login = json!({"username": "admin", "password": PASSWORD});
        let answer = service.answer(service.http.post(service.at("/api/auth/login")).json(&login)).await?;
        service.token = answer["token"].as_str().context("no token")?.to_owned();
        Ok(service)
    }

    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    async fn answer(&self, request: RequestBuilder) -> Result<Value> {
        let answer = request.bearer_auth(&self.token).send().await?;
        let (status, body) = (answer.status(), answer.text().await?);
        ensure!(status.is_success(), "{status}: {body}");
        Ok(serde_json::from_str(&body)?)
    }

    async fn get(&self, path: &str) -> Result<Value> {
        self.answer(self.http.get(self.at(path))).await
    }

    async fn post(&self, path: &str, body: Value) -> Result<Value> {
        self.answer(self.http.post(self.at(path)).json(&body)).await
    }

    /// A line of `/proc/<pid>/status`.
    fn status(&self, key: &str) -> String {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix(key)).unwrap_or("?");
        line.trim_start_matches(':').trim().to_owned()
    }

    fn tell_what_it_takes(&self) {
        let (most, threads) = (self.status("VmHWM"), self.status("Threads"));
        println!("  the service: {most} at most, {threads} threads, {} descriptors", self.descriptors());
    }

    fn descriptors(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.process.id())).map_or(0, Iterator::count)
    }
}

/// Prints one line a step.
pub(crate) async fn measure(program: &Path, count: usize) -> Result<()> {
    let directory = directory()?;
    let data = directory.path().join("data");
    let running = Service::start(program, &data).await?;
    let service = &running;
    let engine = if std::env::var_os("CHILIVIEW_DATABASE_URL").is_some() { "PostgreSQL" } else { "SQLite" };
    println!("{count} tenants on {engine}");
    println!("  {:<32} {:>8.2} s", "first start", service.started.as_secs_f64());

    let made = many(count, async |number| {
        let tenant = json!({"slug": format!("t{number:05}"), "name": format!("Reseller {number:05}")});
        service.post("/api/tenants", tenant).await.map(drop)
    });
    told("create a tenant", made.await?);
    let people = many(SAMPLES.min(count), async |sample| {
        let tenant = spread(sample, count);
        let user = json!({"username": "boss", "email": "boss@example.com", "password": PASSWORD, "role": "manager"});
        service.post(&format!("/api/tenants/t{tenant:05}/users"), user).await.map(drop)
    });
    told("create a user with a password", people.await?);
    let logins = many(SAMPLES.min(count), async |sample| {
        let tenant = format!("t{:05}", spread(sample, count));
        let login = json!({"username": "boss", "password": PASSWORD, "tenant": tenant});
        service.post("/api/auth/login", login).await.map(drop)
    });
    told("log in", logins.await?);
    look(service).await?;
    service.tell_what_it_takes();
    back_up(service, count).await?;
    println!("  with all backups in the catalogue:");
    look(service).await?;
    drop(running);
    let again = Service::start(program, &data).await?;
    println!("  {:<32} {:>8.2} s   after a kill", "start with all of them", again.started.as_secs_f64());
    again.tell_what_it_takes();
    Ok(())
}

/// What people look at, as often as [`SAMPLES`].
async fn look(service: &Service) -> Result<()> {
    let deep = format!("/api/tenants?limit=50&after={}", half_way(service).await?);
    let looks = [
        ("list 50 tenants", "/api/tenants?limit=50"),
        ("list 50 from half way on", &deep),
        ("search tenants", "/api/tenants?limit=50&q=99"),
        ("the overview", "/api/overview"),
        ("list 50 covered databases", "/api/overview/databases?limit=50"),
        ("list 50 backups", "/api/backups?limit=50"),
    ];
    for (what, path) in looks {
        told(what, many(SAMPLES, async |_| service.get(path).await.map(drop)).await?);
    }
    Ok(())
}

/// The place of the tenant in the middle of all.
async fn half_way(service: &Service) -> Result<String> {
    let mut places = Vec::new();
    let mut path = "/api/tenants?limit=100".to_owned();
    loop {
        let page = service.get(&path).await?;
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/api/tenants?limit=100&after={next}");
        places.push(next.to_owned());
    }
    let middle = places.len() / 2;
    places.get(middle).cloned().context("too few tenants for a second page")
}

/// The durations of `count` calls, [`AT_ONCE`] of them at a time, and that of the whole.
async fn many(count: usize, call: impl AsyncFn(usize) -> Result<()>) -> Result<(Vec<Duration>, Duration)> {
    let begun = Instant::now();
    let timed = async |number| {
        let begun = Instant::now();
        call(number).await?;
        anyhow::Ok(begun.elapsed())
    };
    let calls = stream::iter(0..count).map(timed).buffer_unordered(AT_ONCE);
    let durations = calls.try_collect().await?;
    Ok((durations, begun.elapsed()))
}

/// Tenants all over the place.
fn spread(sample: usize, count: usize) -> usize {
    sample * count / SAMPLES.min(count)
}

fn told(what: &str, (mut durations, whole): (Vec<Duration>, Duration)) {
    durations.sort_unstable();
    let at = |part: usize| durations[(durations.len() - 1) * part / 100].as_secs_f64() * 1000.0;
    let rate = f64::from(u32::try_from(durations.len()).unwrap_or(u32::MAX)) / whole.as_secs_f64();
    println!("  {what:<32} {rate:>8.0}/s   p50 {:>7.1} ms   p99 {:>7.1} ms   {AT_ONCE} at once", at(50), at(99));
}

/// Everything, from the request to the last proof.
async fn back_up(service: &Service, count: usize) -> Result<()> {
    let begun = Instant::now();
    service.post("/api/backups", json!({"scope": "all"})).await?;
    println!("  {:<32} {:>8.1} s", "queue a backup of everything", begun.elapsed().as_secs_f64());
    loop {
        let open = ["queued", "running", "verifying"].map(|status| format!("/api/backups?limit=1&status={status}"));
        let pages = stream::iter(open).then(async |path| service.get(&path).await).try_collect::<Vec<_>>().await?;
        if pages.iter().all(|page| page["items"].as_array().is_some_and(Vec::is_empty)) {
            break;
        }
        if begun.elapsed() > PATIENCE {
            println!("  not everything was backed up in {PATIENCE:?}");
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let failed = service.get("/api/backups?limit=1&status=failed").await?;
    if let Some(backup) = failed["items"].as_array().and_then(|items| items.first()) {
        bail!("not everything was backed up: {}", backup["error"]);
    }
    let (took, backups) = (begun.elapsed().as_secs_f64(), f64::from(u32::try_from(count + 1)?));
    println!("  {:<32} {:>8.0}/s   {took:.0} s, each proven", "back up all", backups / took);
    service.tell_what_it_takes();
    Ok(())
}
