//! What there is to tell: a kind of event, whom it is about, facts, the cause, where to look.
//!
//! No secret may get in. Facts have a closed list of names, a backup's key or a token has none; everything that comes as text
//! is cut, freed of control characters, and what looks like a secret is hidden.

mod words;

use std::str::FromStr;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use url::Url;

use crate::language::Language;
use crate::scrub::public_line;

/// Longer slugs do not exist; longer titles are not read.
const LONGEST_SUBJECT: usize = 80;
const LONGEST_FACT: usize = 300;
const LONGEST_CAUSE: usize = 1000;

/// An event that people and machines outside are told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A backup ended without a verified snapshot.
    BackupFailed,
    /// A snapshot that was good is not any more.
    BackupDamaged,
    /// A backup that was due did not begin.
    BackupMissed,
    /// Room is running out.
    DiskLow,
    /// The first verified backup after a failure.
    BackupRecovered,
    /// A schedule's newest verified backup is older than it should be.
    ScheduleLate,
    /// A tenant's database could not be brought to the newest schema.
    FleetMigrationFailed,
    /// A restore did not succeed; the database is as it was.
    RestoreFailed,
    /// There is room again.
    DiskRecovered,
    /// A schedule's newest verified backup is as new as it should be again.
    ScheduleRecovered,
    /// Somebody tries whether messages arrive.
    Test,
}

/// How much it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Nothing to do.
    Info,
    /// Look at it today.
    Warning,
    /// Look at it now: data is less safe than it should be.
    Critical,
}

impl Severity {
    /// Its name in the API and in a webhook.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// The name of a kind of event is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("read the kind of event")]
pub struct UnknownKind;

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 11] = [
        Self::BackupFailed,
        Self::BackupDamaged,
        Self::BackupMissed,
        Self::DiskLow,
        Self::BackupRecovered,
        Self::ScheduleLate,
        Self::FleetMigrationFailed,
        Self::RestoreFailed,
        Self::DiskRecovered,
        Self::ScheduleRecovered,
        Self::Test,
    ];

    /// Its name in settings, in the API and as a webhook's `type`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::BackupFailed => "backup_failed",
            Self::BackupDamaged => "backup_damaged",
            Self::BackupMissed => "backup_missed",
            Self::DiskLow => "disk_low",
            Self::BackupRecovered => "backup_recovered",
            Self::ScheduleLate => "schedule_late",
            Self::FleetMigrationFailed => "fleet_migration_failed",
            Self::RestoreFailed => "restore_failed",
            Self::DiskRecovered => "disk_recovered",
            Self::ScheduleRecovered => "schedule_recovered",
            Self::Test => "test",
        }
    }

    /// How much it matters.
    #[must_use]
    pub fn severity(self) -> Severity {
        match self {
            Self::BackupFailed | Self::BackupDamaged | Self::FleetMigrationFailed | Self::RestoreFailed => {
                Severity::Critical
            }
            Self::BackupMissed | Self::DiskLow | Self::ScheduleLate => Severity::Warning,
            Self::BackupRecovered | Self::DiskRecovered | Self::ScheduleRecovered | Self::Test => Severity::Info,
        }
    }
}

impl FromStr for Kind {
    type Err = UnknownKind;

    fn from_str(name: &str) -> Result<Self, UnknownKind> {
        Self::ALL.into_iter().find(|kind| kind.name() == name).ok_or(UnknownKind)
    }
}

/// What a fact says. The value is the caller's text: an id, a size with its unit, a time in RFC 3339.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fact {
    /// A backup's id.
    Backup,
    /// A restore's id.
    Restore,
    /// A job's id.
    Job,
    /// A schedule's name.
    Schedule,
    /// What was being done.
    Phase,
    /// When a backup was due.
    Due,
    /// When the newest verified backup was made.
    LastVerified,
    /// Since when it has been wrong.
    Since,
    /// A directory.
    Path,
    /// What is free there.
    Free,
    /// How large it is.
    Size,
    /// How many tenants it is about.
    Tenants,
    /// The schema that was aimed at.
    Schema,
}

/// One event, ready to be told. It may be kept as JSON and read again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    kind: Kind,
    at: DateTime<Utc>,
    subject: Option<String>,
    facts: Vec<(Fact, String)>,
    cause: Option<String>,
    link: Option<String>,
}

impl Notice {
    /// Something happened to the platform, at `at`.
    #[must_use]
    pub fn new(kind: Kind, at: DateTime<Utc>) -> Self {
        Self { kind, at, subject: None, facts: Vec::new(), cause: None, link: None }
    }

    /// To this tenant, rather: its slug.
    #[must_use]
    pub fn subject(self, slug: &str) -> Self {
        Self { subject: Some(public_line(slug, LONGEST_SUBJECT)), ..self }
    }

    /// With a fact; a second one of the same name replaces the first.
    #[must_use]
    pub fn fact(mut self, fact: Fact, value: &str) -> Self {
        self.facts.retain(|(name, _)| *name != fact);
        self.facts.push((fact, public_line(value, LONGEST_FACT)));
        self
    }

    /// Why, as the operator reads it.
    #[must_use]
    pub fn cause(self, words: &str) -> Self {
        Self { cause: Some(public_line(words, LONGEST_CAUSE)), ..self }
    }

    /// Where the console shows more. What a link might be signed with, its user, query and fragment, is cut off.
    #[must_use]
    pub fn link(self, mut url: Url) -> Self {
        url.set_query(None);
        url.set_fragment(None);
        // A URL that can hold no user has none to cut off.
        let _ = url.set_username("").and_then(|()| url.set_password(None));
        Self { link: Some(url.into()), ..self }
    }

    /// Which event.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// When it happened.
    #[must_use]
    pub fn at(&self) -> DateTime<Utc> {
        self.at
    }

    /// One line: an e-mail's subject.
    #[must_use]
    pub fn title(&self, language: Language) -> String {
        let words = words::of(self.kind, language);
        format!("[ChiliView] {}: {}", words.title, self.whom(language))
    }

    /// An e-mail's body: what happened, why, the facts, what to do, where to look.
    #[must_use]
    pub fn text(&self, language: Language) -> String {
        let (words, labels) = (words::of(self.kind, language), words::labels(language));
        let mut facts = vec![format!("{}: {}", labels.subject, self.whom(language))];
        facts.push(format!("{}: {}", labels.at, self.at.format("%Y-%m-%d %H:%M:%S UTC")));
        facts.extend(self.facts.iter().map(|(fact, value)| format!("{}: {value}", words::label(*fact, language))));
        let mut parts = vec![words.sentence.to_owned()];
        parts.extend(self.cause.iter().map(|cause| format!("{}: {cause}", labels.cause)));
        parts.push(facts.join("\n"));
        parts.push(words.advice.to_owned());
        parts.extend(self.link.iter().map(|link| format!("{}: {link}", labels.link)));
        parts.push(labels.closing.to_owned());
        parts.join("\n\n") + "\n"
    }

    /// A webhook's `data`: `subject` (a slug, or null for the platform), `severity`, `facts`, `cause`, `link`.
    #[must_use]
    pub fn json(&self) -> Value {
        let facts: Map<_, _> =
            self.facts.iter().map(|(fact, value)| (words::name(*fact).into(), json!(value))).collect();
        json!({
            "subject": self.subject,
            "severity": self.kind.severity().name(),
            "facts": facts,
            "cause": self.cause,
            "link": self.link,
            "at": self.at.to_rfc3339_opts(SecondsFormat::Millis, true),
        })
    }

    fn whom(&self, language: Language) -> &str {
        self.subject.as_deref().unwrap_or(words::labels(language).platform)
    }
}

#[cfg(test)]
mod tests;
