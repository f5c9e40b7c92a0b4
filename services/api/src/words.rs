//! The store's words as the API shows them: the same text, with a schema in the OpenAPI document.

use poem_openapi::Enum;
use serde::{Deserialize, Serialize};

macro_rules! mirror {
    ($(#[$doc:meta])* $name:ident = $store:path { $($variant:ident = $word:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Enum)]
        #[expect(missing_docs, reason = "the words are described in the store")]
        pub enum $name { $(#[serde(rename = $word)] #[oai(rename = $word)] $variant),* }

        impl From<$store> for $name {
            fn from(word: $store) -> Self {
                match word { $(<$store>::$variant => Self::$variant),* }
            }
        }
        impl From<$name> for $store {
            fn from(word: $name) -> Self {
                match word { $($name::$variant => Self::$variant),* }
            }
        }
    };
}

mirror! {
    /// What an admin may do.
    AdminRole = chiliview_store::admins::AdminRole { Owner = "owner", Operator = "operator", Auditor = "auditor" }
}
mirror! {
    /// Whether a tenant's people may work.
    TenantStatus = chiliview_store::tenants::TenantStatus {
        Active = "active", ReadOnly = "read_only", Suspended = "suspended",
    }
}
mirror! {
    /// By what a list of tenants is sorted.
    TenantSort = chiliview_store::tenants::TenantSort { Name = "name", Slug = "slug", Created = "created" }
}
mirror! {
    /// What a user may do in his tenant.
    UserRole = chiliview_store::users::UserRole { Manager = "manager", Member = "member" }
}
mirror! {
    /// Whether a user can log in.
    UserStatus = chiliview_store::users::UserStatus { Active = "active", Disabled = "disabled" }
}
mirror! {
    /// By what a list of users is sorted.
    UserSort = chiliview_store::users::UserSort { Username = "username", Email = "email", Created = "created" }
}
mirror! {
    /// What a backup covers.
    BackupScope = chiliview_store::backups::BackupScope { Tenant = "tenant", Central = "central" }
}
mirror! {
    /// Where a backup stands; only `verified` is a backup that counts.
    BackupStatus = chiliview_store::backups::BackupStatus {
        Queued = "queued", Running = "running", Verifying = "verifying",
        Verified = "verified", Unchanged = "unchanged", Damaged = "damaged", Failed = "failed", Cancelled = "cancelled",
    }
}
mirror! {
    /// Why a backup or a restore did not come to a good end: `error` says it in a sentence.
    Cause = chiliview_store::reason::Cause {
        Cancelled = "cancelled", NoSpace = "no_space", Quota = "quota", Shelf = "shelf", AnotherShelf = "another_shelf",
        Elsewhere = "elsewhere", SnapshotMissing = "snapshot_missing", Damaged = "damaged", Refused = "refused",
        NoKey = "no_key", Recipients = "recipients", DatabaseUnusable = "database_unusable",
        DatabaseBusy = "database_busy", NotSaved = "not_saved", Crashed = "crashed", TooLong = "too_long",
        Other = "other",
    }
}

impl Cause {
    /// As a row keeps it. A word of a newer version is shown as `other`: the sentence says the rest.
    pub(crate) fn kept(word: Option<&str>) -> Option<Self> {
        word.map(|word| word.parse().unwrap_or(chiliview_store::reason::Cause::Other).into())
    }
}
mirror! {
    /// By what a list of schedules is sorted.
    ScheduleSort = chiliview_store::schedules::ScheduleSort { Created = "created", Name = "name", Next = "next" }
}
mirror! {
    /// By what a list of backups is sorted.
    BackupSort = chiliview_store::backups::BackupSort {
        Created = "created", Finished = "finished", Bytes = "bytes", Tenant = "tenant",
    }
}
mirror! {
    /// How well a database is covered.
    Cover = chiliview_store::backups::Cover {
        Failed = "failed", Never = "never", Late = "late", Protected = "protected",
    }
}
mirror! {
    /// Where a round of the doctor stands.
    DoctorStatus = chiliview_store::doctor_runs::DoctorStatus {
        Queued = "queued", Running = "running", Done = "done", Failed = "failed",
    }
}
mirror! {
    /// What a round of the doctor found.
    DoctorOutcome = chiliview_store::doctor_runs::DoctorOutcome {
        Ok = "ok", Problems = "problems", Repaired = "repaired",
    }
}
mirror! {
    /// What an API key may do, at the most.
    KeyRole = chiliview_store::api_keys::KeyRole { Operator = "operator", Auditor = "auditor", Manager = "manager" }
}
mirror! {
    /// How a span ended.
    SpanStatus = chiliview_store::spans::SpanStatus { Ok = "ok", Error = "error", Unset = "unset" }
}
mirror! {
    /// Why a backup is made.
    BackupOrigin = chiliview_store::backups::Origin {
        Request = "request", Schedule = "schedule", Safety = "safety", Import = "import", Recovered = "recovered",
    }
}
mirror! {
    /// How a backup was last proven.
    ProofDepth = chiliview_store::backups::ProofDepth { Quick = "quick", Full = "full", Stored = "stored" }
}
mirror! {
    /// Where a restore leads.
    RestoreTarget = chiliview_store::restores::Target { Same = "same", New = "new" }
}
mirror! {
    /// Where a restore stands.
    RestoreStatus = chiliview_store::restores::RestoreStatus {
        Queued = "queued", Running = "running", Done = "done", Failed = "failed", Cancelled = "cancelled",
        Undone = "undone",
    }
}
mirror! {
    /// What kind of caller did it.
    ActorKind = chiliview_store::audit::ActorKind {
        Admin = "admin", User = "user", System = "system", Anonymous = "anonymous",
    }
}
mirror! {
    /// How it ended.
    Outcome = chiliview_store::audit::Outcome { Success = "success", Denied = "denied", Failed = "failed" }
}

mirror! {
    /// Where a job stands.
    JobStatus = chiliview_store::queue::JobStatus {
        Queued = "queued", Running = "running", Done = "done", Failed = "failed", Cancelled = "cancelled",
    }
}
mirror! {
    /// What a schedule does.
    ScheduleAction = chiliview_store::schedules::ScheduleAction { BackUp = "back_up", Prove = "prove" }
}
mirror! {
    /// Whose databases a schedule is about.
    ScheduleScope = chiliview_store::schedules::ScheduleScope {
        Tenant = "tenant", Tag = "tag", All = "all", Central = "central",
    }
}
mirror! {
    /// What fired a run.
    FiredBy = chiliview_store::schedule_runs::FiredBy { Time = "time", Person = "person" }
}
mirror! {
    /// Where a run stands.
    RunStatus = chiliview_store::schedule_runs::RunStatus {
        Queued = "queued", Running = "running", Done = "done", Partial = "partial", Failed = "failed",
    }
}
mirror! {
    /// Where a migration of the fleet stands.
    FleetMigrationStatus = chiliview_store::fleet_migrations::FleetMigrationStatus {
        Queued = "queued", Running = "running", Done = "done", Partial = "partial", Failed = "failed",
    }
}
mirror! {
    /// How a channel tells.
    ChannelKind = chiliview_store::channels::ChannelKind { Webhook = "webhook", Email = "email", Ping = "ping" }
}
mirror! {
    /// Where a delivery stands.
    DeliveryStatus = chiliview_store::deliveries::DeliveryStatus {
        Queued = "queued", Delivered = "delivered", Failed = "failed",
    }
}
mirror! {
    /// How much a notice matters.
    Severity = chiliview_store::notices::Severity { Info = "info", Warning = "warning", Critical = "critical" }
}
mirror! {
    /// What a notice tells of.
    NoticeKind = chiliview_notify::Kind {
        BackupFailed = "backup_failed", BackupDamaged = "backup_damaged", BackupMissed = "backup_missed",
        DiskLow = "disk_low", BackupRecovered = "backup_recovered", ScheduleLate = "schedule_late",
        FleetMigrationFailed = "fleet_migration_failed", RestoreFailed = "restore_failed",
        DiskRecovered = "disk_recovered", ScheduleRecovered = "schedule_recovered", Test = "test",
    }
}

/// A language that schedules are described in, and mails are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Enum)]
pub enum Language {
    /// English.
    #[serde(rename = "en")]
    #[oai(rename = "en")]
    English,
    /// German.
    #[serde(rename = "de")]
    #[oai(rename = "de")]
    German,
}

/// Which way a list runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Enum)]
pub enum Order {
    /// Smallest first.
    #[default]
    #[serde(rename = "asc")]
    #[oai(rename = "asc")]
    Ascending,
    /// Greatest first.
    #[serde(rename = "desc")]
    #[oai(rename = "desc")]
    Descending,
}

impl From<Order> for chiliview_store::paging::Direction {
    fn from(order: Order) -> Self {
        match order {
            Order::Ascending => Self::Ascending,
            Order::Descending => Self::Descending,
        }
    }
}
