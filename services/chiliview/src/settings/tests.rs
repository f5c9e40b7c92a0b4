//! Which layer wins, and what happens to keys that nobody knows.

use std::{ffi::OsString, io::Write as _};

use clap::Parser;
use secrecy::ExposeSecret;

use super::*;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    flags: Flags,
}

fn load(file: &str, environment: &[(&str, &str)], line: &[&str]) -> Result<Settings, String> {
    let mut written = tempfile::NamedTempFile::new().unwrap();
    written.write_all(file.as_bytes()).unwrap();
    let config = written.path().to_str().unwrap();
    let line = ["chiliview", "--config", config].into_iter().chain(line.iter().copied());
    let flags = Line::try_parse_from(line).unwrap().flags;
    let environment = environment.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
    Settings::layered(&flags, environment.collect()).map_err(|failure| failure.words)
}

#[test]
fn flags_beat_the_environment_which_beats_the_file_which_beats_the_defaults() {
    let file = "listen = \"file:1\"\nworkers = 3\ntrash_days = 4";
    let environment = [("CHILIVIEW_LISTEN", "environment:1"), ("CHILIVIEW_WORKERS", "5")];
    let settings = load(file, &environment, &["--listen", "flag:1"]).unwrap();
    assert_eq!(settings.listen, "flag:1");
    assert_eq!(settings.workers.get(), 5);
    assert_eq!(settings.trash_days, 4);
    assert_eq!(settings.open_tenants.get(), 64);
}

#[test]
fn what_is_kept_and_when_it_is_late_are_settings_and_nonsense_is_named() {
    let environment = [
        ("CHILIVIEW_RETENTION_GRACE", "2days"),
        ("CHILIVIEW_SAFETY_DAYS", "9"),
        ("CHILIVIEW_PRUNE_HOUR", "23"),
        ("CHILIVIEW_LATE_AFTER", "30m"),
        ("CHILIVIEW_DISK_LOW_MIB", "100"),
        ("CHILIVIEW_PING_EVERY", "90s"),
    ];
    let settings = load("", &environment, &[]).unwrap();
    let (keeping, lookout) = (settings.keeping(), settings.lookout());
    let days = |count: u64| Duration::from_secs(count * 24 * 3600);
    assert_eq!((keeping.grace, keeping.safety, keeping.hour), (days(2), days(9), 23));
    assert_eq!((lookout.grace, lookout.ping_every), (Duration::from_secs(1800), Duration::from_secs(90)));
    assert_eq!(lookout.disk_low, 100 << 20);
    assert!(load("prune_hour = 24", &[], &[]).unwrap_err().contains("prune_hour = 24"));
    assert!(load("ping_every = \"0s\"", &[], &[]).unwrap_err().contains("ping_every"));
}

#[test]
fn unknown_keys_are_named_wherever_they_stand() {
    let words = load("lisden = \"x\"", &[], &[]).unwrap_err();
    assert!(words.contains("\"lisden\"; did you mean listen? (in /"), "{words}");
    let words = load("", &[("CHILIVIEW_DATADIR", "x")], &[]).unwrap_err();
    assert!(words.contains("CHILIVIEW_DATADIR; did you mean data_dir?"), "{words}");
    let words = load("", &[("CHILIVIEW_LISTEN_FILE", "x")], &[]).unwrap_err();
    assert!(words.contains("CHILIVIEW_LISTEN_FILE"), "{words}");
}

#[test]
fn variables_that_are_not_ours_or_only_for_tests_are_left_alone() {
    let environment = [("CHILIVIEW_TEST_X", "1"), ("DATABASE_URL", "postgres://x"), ("PATH", "/")];
    assert!(load("", &environment, &[]).unwrap().database_url.is_none());
}

#[test]
fn a_secret_that_looks_like_a_number_stays_as_it_was_typed_and_is_never_shown() {
    let settings = load("", &[("CHILIVIEW_ADMIN_PASSWORD", "00112233445566")], &[]).unwrap();
    let password = settings.admin_password.as_ref().unwrap().inner();
    assert_eq!(password.expose_secret(), "00112233445566");
    let shown = format!("{settings:?}{}", serde_json::to_string(&settings).unwrap());
    assert!(!shown.contains("00112233445566"), "{shown}");
}

#[test]
fn a_secret_can_be_in_a_file_but_not_in_both() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"postgres://u:p@h/d\n").unwrap();
    let path = file.path().to_str().unwrap();
    let settings = load("", &[("CHILIVIEW_DATABASE_URL_FILE", path)], &[]).unwrap();
    assert_eq!(settings.database_url.unwrap().inner().expose_secret(), "postgres://u:p@h/d");
    let both = [("CHILIVIEW_DATABASE_URL_FILE", path), ("CHILIVIEW_DATABASE_URL", "x")];
    assert!(load("", &both, &[]).unwrap_err().contains("CHILIVIEW_DATABASE_URL_FILE are both set"));
}

#[test]
fn values_are_checked_and_the_key_is_named() {
    for (name, value, wanted) in [
        ("CHILIVIEW_WORKERS", "many", "CHILIVIEW_WORKERS"),
        ("CHILIVIEW_WORKERS", "0", "workers"),
        ("CHILIVIEW_HSTS", "yes", "CHILIVIEW_HSTS"),
        ("CHILIVIEW_SESSION_IDLE", "soon", "session_idle"),
        ("CHILIVIEW_TRUSTED_PROXIES", "10.0.0.0/8, nobody", "trusted_proxies"),
        ("CHILIVIEW_OUTBOUND_ALLOW", "10.0.0.0/8, inside", "outbound_allow"),
        ("CHILIVIEW_LOG_FORMAT", "loud", "log_format"),
        ("CHILIVIEW_FORWARDED_HEADER", "via", "forwarded_header"),
        ("CHILIVIEW_BACKUP_RECIPIENTS", "ssh-ed25519 AAAA", "backup_recipients: \"ssh-ed25519 AAAA\" is no public key"),
        ("CHILIVIEW_BACKUP_RECIPIENTS", "# nobody", "backup_recipients: \"# nobody\""),
    ] {
        let words = load("", &[(name, value)], &[]).unwrap_err();
        assert!(words.contains(wanted), "{name}={value}: {words}");
    }
}

#[test]
fn lists_durations_and_the_standard_name_of_the_collector_are_understood() {
    let environment = [
        ("CHILIVIEW_TRUSTED_PROXIES", "10.0.0.0/8, fd00::/8"),
        ("CHILIVIEW_SESSION_IDLE", "90m"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://standard:4318"),
    ];
    let settings = load("trusted_proxies = [\"192.168.0.0/16\"]", &environment, &["--hsts"]).unwrap();
    assert_eq!(settings.trusted_proxies.len(), 2);
    assert_eq!(settings.session_idle.as_secs(), 5400);
    assert!(settings.hsts && !settings.secure_cookies);
    assert_eq!(settings.otlp_endpoint.as_deref(), Some("http://standard:4318"));
    assert!(load("", &[("OTEL_EXPORTER_OTLP_ENDPOINT", "")], &[]).unwrap().otlp_endpoint.is_none());
    let ours = load("otlp_endpoint = \"http://ours:4318\"", &environment[2..], &[]).unwrap();
    assert_eq!(ours.otlp_endpoint.as_deref(), Some("http://ours:4318"));
}

/// Of age's documentation.
const KEYS: [&str; 2] = [
    "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p",
    "age1lggyhqrw2nlhcxprm67z43rta597azn8gknawjehu9d9dl0jq3yqqvfafg",
];

#[test]
fn recipients_of_backups_are_public_keys_and_a_secret_one_is_not_repeated() {
    let file = format!("backup_recipients = [\"{}\"]", KEYS[1]);
    let read = |settings: Settings| settings.backup_recipients.iter().collect::<Vec<_>>();
    assert_eq!(read(load(&file, &[], &[]).unwrap()), [KEYS[1]]);
    let line = KEYS.join(", ");
    assert_eq!(read(load(&file, &[("CHILIVIEW_BACKUP_RECIPIENTS", &line)], &[]).unwrap()), KEYS);
    assert!(load("", &[], &[]).unwrap().backup_recipients.is_empty());
    let secret = "AGE-SECRET-KEY-1QQQQ";
    let words = load("", &[("CHILIVIEW_BACKUP_RECIPIENTS", secret)], &[]).unwrap_err();
    assert!(words.contains("backup_recipients: one is a secret key") && !words.contains(secret), "{words}");
}

#[test]
fn a_file_that_was_named_must_be_there() {
    let flags = Line::try_parse_from(["chiliview", "--config", "/nowhere.toml"]).unwrap().flags;
    let failure = Settings::layered(&flags, Vec::new()).unwrap_err();
    assert!(failure.words.contains("/nowhere.toml"), "{}", failure.words);
}

#[test]
fn each_setting_tells_where_it_comes_from_and_a_secret_does_not_tell_what_it_is() {
    let file = "listen = \"file:1\"\nworkers = 3\ntrash_days = 4";
    let environment = [("CHILIVIEW_WORKERS", "5"), ("CHILIVIEW_METRICS_TOKEN", "hush hush")];
    let all = load(file, &environment, &["--listen", "flag:1"]).unwrap().described();
    let of = |name: &str| {
        let found = all.iter().find(|setting| setting.name == name).unwrap_or_else(|| panic!("no {name} in {all:?}"));
        (found.value.as_str(), found.source)
    };
    use chiliview_api::installation::SettingSource::{Default, Environment, File, Flag};
    assert_eq!((of("listen"), of("workers")), (("flag:1", Flag), ("5", Environment)));
    assert_eq!((of("trash_days"), of("open_tenants")), (("4", File), ("64", Default)));
    assert_eq!((of("metrics_token"), of("smtp_url")), (("***", Environment), ("", Default)));
    assert_eq!((of("session_idle").1, of("outbound_allow")), (Default, ("", Default)));
    let mute: Vec<_> = all.iter().filter(|setting| setting.description.is_empty()).collect();
    assert!(mute.is_empty(), "nobody says what they are for: {mute:?}");
    assert!(all.iter().all(|setting| !setting.description.contains('[')), "{all:?}");
}
