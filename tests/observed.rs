//! What deploy/ has Prometheus and Grafana ask for is what the service tells: names, labels, and where files lie.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    process::Command,
};

use serde_json::{Value, json};

use crate::support::{Answer, Home, Process, free_address, missing, project, python_environment, run, until};

const TOKEN: &str = "a token of the tests";
/// Prometheus makes this one itself, for each target.
const OF_PROMETHEUS: &str = "up";

fn read(path: &str) -> String {
    fs::read_to_string(project().join("deploy").join(path)).unwrap()
}

fn home() -> Home {
    Home::new().with("CHILIVIEW_METRICS_TOKEN", TOKEN)
}

/// What a service tells that has made backups, answered requests, and kept some in all it does.
async fn told() -> String {
    let home = home();
    let server = home.serve().await;
    let admin = home.admin(&server).await;
    admin.post("/api/tenants", json!({"slug": "acme", "name": "Acme"})).await.expect(201);
    let queued = admin.post("/api/backups", json!({"scope": "all"})).await.expect(202);
    for queued in queued["items"].as_array().unwrap() {
        admin.backup_ended(queued["id"].as_str().unwrap()).await;
    }
    let scrape = reqwest::Client::new().get(admin.address("/metrics")).bearer_auth(TOKEN);
    String::from_utf8(Answer::to(scrape).await.body).unwrap()
}

/// The names that an expression asks for, and the labels in its selectors and groupings.
fn asked(expression: &str) -> (BTreeSet<String>, BTreeSet<String>) {
    let is_word = |char: char| char.is_ascii_alphanumeric() || char == '_';
    let words = |text: &str| -> Vec<String> {
        text.split(|char| !is_word(char)).filter(|word| !word.is_empty()).map(str::to_owned).collect()
    };
    let names = words(expression).into_iter().filter(|word| word.starts_with("chiliview_") || word == OF_PROMETHEUS);
    let selected = expression.split('{').skip(1).filter_map(|rest| rest.split_once('}')).flat_map(|(inside, _)| {
        inside
            .split(',')
            .filter_map(|pair| pair.split(['=', '!']).next().map(str::trim).map(str::to_owned))
            .collect::<Vec<_>>()
    });
    let grouped = expression.split("by (").skip(1).filter_map(|rest| rest.split_once(')'));
    let grouped = grouped.flat_map(|(inside, _)| words(inside));
    (names.collect(), selected.chain(grouped).collect())
}

fn balanced(expression: &str) -> bool {
    let count = |char| expression.matches(char).count();
    count('(') == count(')') && count('{') == count('}') && count('[') == count(']') && count('"') % 2 == 0
}

/// Every expression with the place where it stands.
fn expressions() -> Vec<(String, String)> {
    let rules = read("prometheus/alerts.yml");
    let mut all: Vec<_> = rules
        .lines()
        .filter_map(|line| line.trim().strip_prefix("expr: "))
        .map(|expression| ("alerts.yml".to_owned(), expression.to_owned()))
        .collect();
    let dashboard: Value = serde_json::from_str(&read("grafana/dashboards/chiliview.json")).unwrap();
    for panel in dashboard["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().unwrap() {
            all.push((panel["title"].to_string(), target["expr"].as_str().unwrap().to_owned()));
        }
    }
    all
}

#[tokio::test]
async fn everything_that_dashboard_and_alerts_ask_for_is_told() {
    let told = told().await;
    let samples = told.lines().filter(|line| !line.starts_with('#'));
    let names: BTreeSet<_> = samples.filter_map(|line| line.split(['{', ' ']).next()).collect();
    let labels = |label: &str| told.contains(&format!("{{{label}=\"")) || told.contains(&format!(",{label}=\""));
    let all = expressions();
    assert!(all.len() > 20, "{all:#?}");
    for (place, expression) in all {
        assert!(balanced(&expression), "{place}: {expression}");
        let (wanted, grouped) = asked(&expression);
        assert!(!wanted.is_empty(), "{place} asks for nothing: {expression}");
        for name in wanted.iter().filter(|name| *name != OF_PROMETHEUS) {
            assert!(names.contains(name.as_str()), "{place} asks for {name}, and there are {names:#?}");
        }
        for label in grouped {
            assert!(label == "job" || label == "le" || labels(&label), "{place} asks for the label {label}");
        }
    }
}

/// With the project's configuration, but for where the service and its token are, and for patience.
fn prometheus(home: &Home, service: &str, address: &str) -> Process {
    let token = home.path("token");
    fs::write(&token, TOKEN).unwrap();
    let config = read("prometheus/prometheus.yml")
        .replace("api:8000", service.trim_start_matches("http://"))
        .replace("/run/secrets/metrics_token", token.to_str().unwrap())
        .replace(": 15s", ": 1s");
    fs::write(home.path("prometheus.yml"), config).unwrap();
    fs::write(home.path("alerts.yml"), read("prometheus/alerts.yml")).unwrap();
    let mut command = Command::new("prometheus");
    command.arg(format!("--web.listen-address={address}")).args(["--config.file=prometheus.yml"]);
    let words = File::create(home.path("prometheus.stderr")).unwrap();
    Process::start(command.current_dir(home.path("")).stderr(words))
}

#[tokio::test]
async fn prometheus_scrapes_the_service_and_can_answer_whatever_is_asked() {
    if missing(&["prometheus", "promtool"]) {
        return;
    }
    run(Command::new("promtool")
        .args(["test", "rules", "alerts.test.yml"])
        .current_dir(project().join("deploy/prometheus")));
    let home = home();
    let server = home.serve().await;
    let address = free_address();
    let _prometheus = prometheus(&home, &server.url, &address);
    let http = reqwest::Client::new();
    let query = async |expression: &str| {
        let query = http.get(format!("http://{address}/api/v1/query")).query(&[("query", expression)]);
        let answer = Answer::to_maybe(query).await.ok()?;
        (answer.status != 503).then(|| answer.expect(200)["data"]["result"].clone())
    };
    until("the service to be scraped", async || {
        let up = query("up{job=\"chiliview\"} == 1").await?;
        (!up.as_array()?.is_empty()).then_some(())
    })
    .await;
    for (place, expression) in expressions() {
        let plain = expression.replace("$__rate_interval", "1m").replace("$__range", "1h");
        assert!(query(&plain).await.is_some_and(|result| result.is_array()), "{place}: {expression}");
    }
}

/// One that serves nobody answers how it is, and what it did itself; how the platform is, those tell that serve.
#[tokio::test]
async fn a_worker_says_that_it_lives_and_what_it_did() {
    let address = free_address();
    let home = home().with("CHILIVIEW_WORKER_LISTEN", &address);
    let server = home.serve_as("serve", &["--no-worker"]).await;
    let worker = home.work_as("worker").await;
    let admin = home.admin(&server).await;
    let queued = admin.post("/api/backups", json!({"scope": "central"})).await.expect(202);
    assert_eq!(admin.backup_ended(queued["id"].as_str().unwrap()).await["status"], "verified");

    let http = reqwest::Client::new();
    let scrape = |token: &str| Answer::to(http.get(format!("http://{address}/metrics")).bearer_auth(token));
    assert_eq!(scrape("another").await.status, 401);
    let one = "chiliview_job_attempts_total{kind=\"back_up\",outcome=\"done\"} 1";
    let told = until("the attempt to be counted", async || {
        let told = String::from_utf8(scrape(TOKEN).await.body).unwrap();
        told.contains(one).then_some(told)
    })
    .await;
    for name in ["chiliview_jobs_running{kind=\"back_up\"} 0", "chiliview_job_attempt_duration_seconds_count{"] {
        assert!(told.contains(name), "{name}: {told}");
    }
    assert!(!told.contains("chiliview_backups{"), "{told}");
    let health = || home.chiliview(&["health", "--listen", &address]).status.code();
    assert_eq!(health(), Some(0));
    assert!(worker.stop().await.success());
    assert_eq!(health(), Some(1));
    assert!(server.stop().await.success());
}

#[test]
fn the_first_alert_is_the_age_of_the_newest_proven_backup_and_each_says_what_to_do() {
    let rules = read("prometheus/alerts.yml");
    let alerts: Vec<_> = rules.split("- alert: ").skip(1).collect();
    assert!(alerts[0].contains("chiliview_newest_verified_backup_age_seconds"), "{}", alerts[0]);
    for alert in alerts {
        for part in ["expr: ", "severity: ", "summary: ", "description: "] {
            assert_eq!(alert.matches(part).count(), 1, "{part} of {alert}");
        }
    }
}

/// What a version of Grafana does not know it passes over in silence.
#[test]
fn grafanas_own_model_knows_every_word_of_the_dashboard() {
    let Some(programs) = python_environment("grafana", "tests/observed/requirements.txt") else { return };
    let (script, dashboard) = ("tests/observed/dashboard.py", "deploy/grafana/dashboards/chiliview.json");
    run(Command::new(programs.join("python")).args([script, dashboard]).current_dir(project()));
}

#[test]
fn the_files_that_compose_mounts_are_there() {
    let compose = fs::read_to_string(project().join("docker-compose.yml")).unwrap();
    let mounts = compose.split("./deploy/").skip(1).filter_map(|rest| rest.split([':', '\n', '"', ' ']).next());
    let mounts: Vec<_> = mounts.filter(|path| !path.starts_with("secrets/")).collect();
    assert!(mounts.len() >= 4, "{mounts:?}");
    for path in mounts {
        assert!(project().join("deploy").join(path).exists(), "{path}");
    }
    let made = fs::read_to_string(project().join("deploy/secrets/make")).unwrap();
    for secret in compose.split("./deploy/secrets/").skip(1).filter_map(|rest| rest.split_whitespace().next()) {
        assert!(made.contains(&format!("once {secret} ")), "{secret} is made by nobody");
    }
}
