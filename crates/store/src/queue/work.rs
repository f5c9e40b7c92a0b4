//! What a job is to do, and how it is written down: JSON, as apalis' storages expect it.

use chiliview_telemetry::Carrier;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::corrupt;
use crate::{
    error::Result,
    ids::{BackupId, DeliveryId, DoctorRunId, FleetMigrationId, RestoreId, RunId, TenantId, UploadId},
};

/// One unit of work, named by the row that it is for. A new kind is a new variant, and two lines below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Work {
    /// Take a backup's snapshot and prove it.
    BackUp {
        /// The backup.
        backup: BackupId,
    },
    /// Prove a backup's snapshot again.
    Prove {
        /// The backup.
        backup: BackupId,
    },
    /// Look at an uploaded file, and make a backup of what holds.
    Import {
        /// The backup that it becomes.
        backup: BackupId,
        /// The upload.
        upload: UploadId,
    },
    /// Put a backup in the place of a tenant's database, or make a new tenant of it.
    Restore {
        /// The restore.
        restore: RestoreId,
    },
    /// Put back what a restore replaced.
    UndoRestore {
        /// The restore.
        restore: RestoreId,
    },
    /// Remove what a restore replaced, for good.
    ForgetRestored {
        /// The restore.
        restore: RestoreId,
    },
    /// Remove what is left of a deleted tenant.
    PurgeTenant {
        /// The tenant.
        tenant: TenantId,
    },
    /// Remove a deleted backup's snapshot from its shelf.
    PurgeBackup {
        /// The backup.
        backup: BackupId,
    },
    /// Queue what a run of a schedule covers.
    RunSchedule {
        /// The run.
        run: RunId,
    },
    /// Move to the trash what no policy keeps any more, once a day.
    Prune,
    /// Look at everything, and mend what was asked for.
    Examine {
        /// The run of the doctor.
        run: DoctorRunId,
    },
    /// Bring every tenant's database to the newest schema.
    MigrateFleet {
        /// The migration.
        migration: FleetMigrationId,
    },
    /// Tell a channel of a notice.
    Deliver {
        /// The delivery.
        delivery: DeliveryId,
    },
}

impl Work {
    /// The kind, as it is written in the job, the API and the logs.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::BackUp { .. } => "back_up",
            Self::Prove { .. } => "prove",
            Self::Import { .. } => "import",
            Self::Restore { .. } => "restore",
            Self::UndoRestore { .. } => "undo_restore",
            Self::ForgetRestored { .. } => "forget_restored",
            Self::PurgeTenant { .. } => "purge_tenant",
            Self::PurgeBackup { .. } => "purge_backup",
            Self::RunSchedule { .. } => "run_schedule",
            Self::Prune => "prune",
            Self::Examine { .. } => "examine",
            Self::MigrateFleet { .. } => "migrate_fleet",
            Self::Deliver { .. } => "deliver",
        }
    }

    /// Where it waits.
    #[must_use]
    pub const fn lane(&self) -> Lane {
        match self {
            Self::Deliver { .. } => Lane::Deliveries,
            _ => Lane::Jobs,
        }
    }

    /// The row that it is for; none when it is for all.
    #[must_use]
    pub const fn subject(&self) -> Uuid {
        match self {
            Self::BackUp { backup }
            | Self::Prove { backup }
            | Self::Import { backup, .. }
            | Self::PurgeBackup { backup } => backup.uuid(),
            Self::Restore { restore } | Self::UndoRestore { restore } | Self::ForgetRestored { restore } => {
                restore.uuid()
            }
            Self::PurgeTenant { tenant } => tenant.uuid(),
            Self::RunSchedule { run } => run.uuid(),
            Self::Examine { run } => run.uuid(),
            Self::Prune => Uuid::nil(),
            Self::MigrateFleet { migration } => migration.uuid(),
            Self::Deliver { delivery } => delivery.uuid(),
        }
    }
}

/// Which workers do it. Lanes do not wait for each other: whatever happens in one, the other goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lane {
    /// The databases, and what belongs to them.
    #[default]
    Jobs,
    /// Receivers outside, who may be slow.
    Deliveries,
}

impl Lane {
    /// In apalis' words the `job_type`.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Jobs => "chiliview",
            Self::Deliveries => "chiliview.deliveries",
        }
    }
}

/// What is stored of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payload {
    /// What to do.
    pub work: Work,
    /// [`Work::subject`], where a statement can find it.
    pub subject: Uuid,
    /// The trace that it belongs to.
    #[serde(default)]
    pub carrier: Carrier,
}

impl Payload {
    pub(super) fn encode(&self) -> Result<Vec<u8>> {
        serde_json::to_vec(self).map_err(corrupt)
    }

    /// Fails for a kind that only a newer version knows.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self> {
        serde_json::from_slice(bytes).map_err(corrupt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Ids;

    #[test]
    fn the_kind_is_the_word_in_the_json() {
        let all = [
            Work::BackUp { backup: Ids.next() },
            Work::Prove { backup: Ids.next() },
            Work::Import { backup: Ids.next(), upload: Ids.next() },
            Work::Restore { restore: Ids.next() },
            Work::UndoRestore { restore: Ids.next() },
            Work::ForgetRestored { restore: Ids.next() },
            Work::PurgeTenant { tenant: Ids.next() },
            Work::PurgeBackup { backup: Ids.next() },
            Work::RunSchedule { run: Ids.next() },
            Work::Prune,
            Work::Examine { run: Ids.next() },
            Work::MigrateFleet { migration: Ids.next() },
            Work::Deliver { delivery: Ids.next() },
        ];
        for work in all {
            let payload = Payload { work, subject: work.subject(), carrier: Carrier::default() };
            let bytes = payload.encode().unwrap();
            let json: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
            assert_eq!(json["work"]["kind"], work.kind());
            assert_eq!(Payload::decode(&bytes).unwrap(), payload);
        }
    }
}
