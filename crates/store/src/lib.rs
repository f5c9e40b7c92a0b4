//! Databases, transactions and every SQL statement of ChiliView, on SQLite and PostgreSQL. Never HTTP.
#![cfg_attr(test, expect(clippy::unwrap_used, reason = "a test may stop at once"))]

pub mod admins;
mod among;
pub mod api_keys;
pub mod audit;
pub mod backups;
pub mod central_swap;
pub mod channels;
pub mod clock;
pub mod conditions;
pub mod data_dir;
pub mod deliveries;
pub mod doctor_runs;
pub mod error;
pub mod exchange;
pub mod fleet_migrations;
mod group_commit;
pub mod idempotency;
pub mod ids;
pub mod json_text;
pub mod keys;
pub mod lent;
pub mod login_networks;
pub mod migrations;
pub mod notices;
pub mod paging;
pub mod password_hashes;
mod patience;
mod pooler;
pub mod postgres;
pub mod presence;
pub mod queue;
pub mod readiness;
pub mod reason;
pub mod recovery;
pub mod relocation;
pub mod restores;
pub mod room;
pub mod schedule_runs;
pub mod schedules;
mod schema_swap;
pub mod seam;
pub mod second_factors;
pub mod sessions;
pub mod shelves;
pub mod skew;
pub mod soundness;
pub mod spans;
pub mod sqlite;
pub mod staging;
mod store;
pub mod swap;
mod tenant_databases;
pub mod tenant_recipients;
pub mod tenant_retention;
pub mod tenant_schemas;
pub mod tenant_settings;
pub mod tenants;
pub mod throttle;
pub mod transfer;
mod turns;
mod upgrade;
pub mod upload_pieces;
pub mod uploads;
pub mod users;
pub mod write_lock;

pub use clock::{Clock, Timestamp};
pub use error::{Error, Result};
pub use ids::{
    AdminId, ApiKeyId, AuditId, BackupId, ChannelId, DeliveryId, DoctorRunId, FleetMigrationId, Ids, NoticeId, PieceId,
    RestoreId, RunId, ScheduleId, SessionId, ShelfId, TenantId, UploadId, UserId,
};
pub use seam::{Database, Engine, Query, Tx};
pub use store::{Settings, Store};
