//! What a client sees of the overview.

use chiliview_store::{
    Timestamp,
    backups::{BackupStatus as Stored, Cover as StoredCover, CoverCount, Covered, Day},
    tenants::TenantStatus as StoredStatus,
};
use chrono::{DateTime, Utc};
use poem_openapi::Object;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    health::Condition,
    words::{BackupScope, BackupStatus, Cover, TenantStatus},
};

const DAY_MICROS: i64 = 24 * 3600 * 1_000_000;

/// How everything is.
#[derive(Clone, Debug, Serialize, Deserialize, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct OverviewInfo {
    /// Tenants by how well they are covered.
    pub counts: CoverCounts,
    /// When a tenant's database was last known to be safe.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub newest_verified_at: Option<DateTime<Utc>>,
    /// When the tenant's that is worst off was; tenants without any backup are counted by `never`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oldest_newest_verified_at: Option<DateTime<Utc>>,
    /// What lies on the shelf.
    pub shelf: ShelfInfo,
    /// What ended on each day (UTC), oldest first, today last.
    pub series: Vec<DayInfo>,
    /// The central database.
    pub database: DatabaseHealth,
    /// The workers.
    pub worker: WorkerHealth,
    /// The room on the shelf.
    pub disk: DiskHealth,
}

/// Tenants by how well they are covered. The last four add up to all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Object)]
pub struct CoverCounts {
    /// All.
    pub tenants: i64,
    /// Those that are suspended; they are backed up too.
    pub suspended: i64,
    /// As safe as their schedules ask for.
    pub protected: i64,
    /// Were due, and are not known to be safe since.
    pub late: i64,
    /// Their last backup failed, or was found damaged.
    pub failed: i64,
    /// Were never backed up.
    pub never: i64,
}

/// What lies on the shelf.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct ShelfInfo {
    /// What the backups take, those in the trash too.
    pub stored_bytes: i64,
    /// How many they are.
    pub backups: i64,
    /// How much more would fit; absent where a shelf has no bound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub free_bytes: Option<u64>,
}

/// What ended on one day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Object)]
pub struct DayInfo {
    /// The day (UTC): `2026-11-18`.
    pub day: String,
    /// Verified backups.
    pub verified: i64,
    /// Nothing had changed.
    pub unchanged: i64,
    /// Failed, or found damaged later.
    pub failed: i64,
    /// What the day's backups take on the shelf.
    pub stored_bytes: i64,
}

/// How the central database is.
#[derive(Clone, Debug, Serialize, Deserialize, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct DatabaseHealth {
    /// Whether it answers.
    pub status: Condition,
    /// `sqlite` or `postgres`.
    pub engine: String,
    /// The size of its write-ahead log, on SQLite.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wal_bytes: Option<u64>,
}

/// How the workers are.
#[derive(Clone, Debug, Serialize, Deserialize, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct WorkerHealth {
    /// Whether one was heard of lately: without one, backups wait.
    pub status: Condition,
    /// How many were.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workers: Option<u64>,
    /// When the last one was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_seen_at: Option<DateTime<Utc>>,
}

/// How much room there is.
#[derive(Clone, Debug, Serialize, Deserialize, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct DiskHealth {
    /// Whether it is enough.
    pub status: Condition,
    /// In bytes; absent where a shelf has no bound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub free_bytes: Option<u64>,
}

/// A database and how well it is covered.
#[derive(Clone, Debug, Serialize, Deserialize, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct CoverInfo {
    /// A tenant's, or the central one.
    pub scope: BackupScope,
    /// Whose it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<CoveredTenant>,
    /// How well it is covered.
    pub state: Cover,
    /// When it was last known to be safe: a backup was proven, or nothing had changed since one that still counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub newest_verified_at: Option<DateTime<Utc>>,
    /// The newest backup that can be restored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub newest_verified_backup: Option<Uuid>,
    /// The last one that was asked for and not called off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_backup: Option<Uuid>,
    /// Where that one stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_status: Option<BackupStatus>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// What its backups take on the shelf.
    pub stored_bytes: i64,
}

/// A tenant, in short.
#[derive(Clone, Debug, Serialize, Deserialize, Object)]
pub struct CoveredTenant {
    /// Its id.
    pub id: Uuid,
    /// Its slug.
    pub slug: String,
    /// Its name.
    pub name: String,
    /// Its status.
    pub status: TenantStatus,
}

pub(super) fn show(row: Covered) -> CoverInfo {
    let named = (row.tenant_id, row.slug, row.name, row.status);
    let tenant = match named {
        (Some(id), Some(slug), Some(name), Some(status)) => {
            Some(CoveredTenant { id: id.uuid(), slug, name, status: status.into() })
        }
        _ => None,
    };
    CoverInfo {
        scope: if tenant.is_some() { BackupScope::Tenant } else { BackupScope::Central },
        tenant,
        state: row.cover.into(),
        newest_verified_at: row.safe_at.map(Timestamp::to_datetime),
        newest_verified_backup: row.newest_backup.map(|id| id.uuid()),
        last_backup: row.last_backup.map(|id| id.uuid()),
        last_status: row.last_status.map(Into::into),
        last_error: row.last_error,
        stored_bytes: row.stored_bytes,
    }
}

pub(super) fn count(rows: &[CoverCount]) -> CoverCounts {
    let sum = |wanted: &dyn Fn(&CoverCount) -> bool| rows.iter().filter(|row| wanted(row)).map(|row| row.tenants).sum();
    CoverCounts {
        tenants: sum(&|_| true),
        suspended: sum(&|row| row.status == StoredStatus::Suspended),
        protected: sum(&|row| row.cover == StoredCover::Protected),
        late: sum(&|row| row.cover == StoredCover::Late),
        failed: sum(&|row| row.cover == StoredCover::Failed),
        never: sum(&|row| row.cover == StoredCover::Never),
    }
}

/// Every day has its place, whether anything happened on it or not.
pub(super) fn days(rows: &[Day], today: i64, back: u32) -> Vec<DayInfo> {
    let first = today - i64::from(back) + 1;
    let day = |number: i64| {
        let sum = |wanted: &[Stored], value: &dyn Fn(&Day) -> i64| {
            rows.iter().filter(|row| row.day == number && wanted.contains(&row.status)).map(value).sum()
        };
        let midnight = Timestamp::from_micros(number.saturating_mul(DAY_MICROS));
        DayInfo {
            day: midnight.to_datetime().format("%Y-%m-%d").to_string(),
            verified: sum(&[Stored::Verified, Stored::Verifying], &|row| row.backups),
            unchanged: sum(&[Stored::Unchanged], &|row| row.backups),
            failed: sum(&[Stored::Failed, Stored::Damaged], &|row| row.backups),
            stored_bytes: sum(&[Stored::Verified, Stored::Verifying], &|row| row.stored_bytes),
        }
    };
    (first..=today).map(day).collect()
}
