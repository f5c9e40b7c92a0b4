//! What there is to be found.

use chiliview_store::{ShelfId, TenantId, Timestamp, backups::BackupStatus, fleet_migrations::FleetMigrationStatus};

use super::sentences;

sentences! {
    /// What was found.
    Found {
        Failed { error: String } = "failed": "{error}",
        Unreadable { error: String } = "unreadable": "it cannot be read: {error}",
        AllUnreadable { error: String } = "all_unreadable": "they cannot be read: {error}",
        Missing = "missing": "it is missing",

        SqliteVersion { version: String } = "sqlite_version": "{version}",
        SqliteUnsafe { error: String } = "sqlite_unsafe": "{error}",
        Wal { mib: u64 } = "wal": "{mib} MiB of writes wait to be moved into the file",
        Unencrypted = "unencrypted": "what is sent to it need not be encrypted",
        ClockAhead { seconds: u64 } = "clock_ahead":
            "the clock of this machine is {seconds} s ahead of that of the server",
        ClockBehind { seconds: u64 } = "clock_behind":
            "the clock of this machine is {seconds} s behind that of the server",
        Unreachable { error: String } = "unreachable": "it cannot be reached: {error}",
        NoOwner = "no_owner": "nobody with the role owner can log in",
        Owners { count: i64 } = "owners": "{count} with the role owner can log in",

        Whole { version: i64, entries: i64 } = "whole":
            "whole, schema {version}, {entries} lines of audit in one chain",
        DatabaseOf { tenant: TenantId } = "database_of_another":
            "another database lies in its place: that of tenant {tenant}",
        DatabaseOfNobody = "database_of_nobody": "another database lies in its place: nobody's",
        Damaged { complaint: String } = "damaged": "it is damaged: {complaint}",
        IndexDiffers { complaint: String } = "index_differs": "an index differs from its table: {complaint}",
        Dangling { rows: String } = "dangling": "rows point nowhere: {rows}",
        AuditBroken { line: i64 } = "audit_broken": "line {line} was changed, or one before it is gone",
        MigrationsBehind { count: usize } = "migrations_behind": "{count} migrations have not run yet",
        NoMigrations = "no_migrations": "it is no database of ChiliView's: no migration ever ran in it",
        MigrationUnfinished { version: i64 } = "migration_unfinished": "migration {version} was begun and did not end",
        MigrationNewer { version: i64 } = "migration_newer": "migration {version} is of a newer version of ChiliView",
        MigrationOther { version: i64 } = "migration_other":
            "migration {version} is not the one that this version knows",
        OpenDatabase { mode: String } = "open_database": "others may use the database (mode {mode})",

        AllDirectories { count: usize } = "all_directories": "all {count} are there, mode 0700",
        NoDirectory = "no_directory": "it is no directory",
        OpenDirectory { mode: String } = "open_directory": "others may enter it (mode {mode})",
        Hidden { error: String } = "hidden": "it cannot be looked at: {error}",
        LocalFileSystem = "local_file_system": "no network file system",
        NetworkFileSystem { error: String } = "network_file_system": "{error}",
        NetworkFileSystemAllowed { error: String } = "network_file_system_allowed":
            "allowed by the settings, at your own risk: {error}",
        RoomUnknown { error: String } = "room_unknown": "how much room there is cannot be found out: {error}",
        Room { free: u64, needed: u64 } = "room": "{free} MiB free, {needed} MiB should be",

        DatabaseMissing = "database_missing": "its database is missing",
        Purged = "purged": "its time in the trash is over, and its database is gone already",
        OnlyTenants { count: usize } = "only_tenants": "{count} tenants and nothing else",
        OnlySchemas { count: usize } = "only_schemas": "{count} tenants' schemas and nothing else",
        SchemasUnreadable { error: String } = "schemas_unreadable": "its schemas cannot be listed: {error}",
        Stranger = "stranger": "ChiliView did not put it there",
        OrphanDatabase = "orphan_database":
            "a tenant's database without a tenant: its creation was cut off, or its row was lost",
        OrphanSchema = "orphan_schema":
            "a tenant's schema without a tenant: its creation was cut off, or its row was lost",
        LeftByChange = "left_by_change": "the leftover of a change that was cut off: no tenant uses it",
        LeftByRestore = "left_by_restore": "the leftover of a restore that is over: nobody comes back to it",
        LeftByMove = "left_by_move":
            "the leftover of a move that was cut off; the same `chiliview move` makes it anew",
        Locked { since: Timestamp, held_for: String } = "locked":
            "it takes no writes since {since}: {held_for} is under way",
        LockedForNothing { since: Timestamp, held_for: String } = "locked_for_nothing":
            "it takes no writes since {since}, for {held_for}, which is over",

        Stuck { count: usize } = "stuck": "{count} wait or hang; no worker moves them",
        NoWorker { waiting: usize } = "no_worker": "{waiting} not finished, and no worker is running",
        Moving { waiting: usize, workers: usize } = "moving": "{waiting} under way, nothing stuck, {workers} workers",
        BackupWithoutJob { tenant: String, status: BackupStatus } = "backup_without_job":
            "a backup of {tenant} is {status}, and no job is left that would finish it",
        CentralBackupWithoutJob { status: BackupStatus } = "central_backup_without_job":
            "a backup of the central database is {status}, and no job is left that would finish it",
        BackupAbandoned { tenant: String, status: BackupStatus, since: Timestamp } = "backup_abandoned":
            "a backup of {tenant} is {status} since {since}, and no worker takes it",
        CentralBackupAbandoned { status: BackupStatus, since: Timestamp } = "central_backup_abandoned":
            "a backup of the central database is {status} since {since}, and no worker takes it",
        FleetUnreadable { error: String } = "fleet_unreadable": "how it was migrated cannot be read: {error}",
        FleetUnseen = "fleet_unseen": "no worker has looked at it yet",
        FleetMigrated { version: i64, done: i64, total: i64, status: FleetMigrationStatus } = "fleet_migrated":
            "schema {version}: {done} of {total} tenants, {status}",
        LeftBehind { version: i64, error: String } = "left_behind": "it was left behind at schema {version}: {error}",

        BackupsUnreadable { error: String } = "backups_unreadable": "the list of backups cannot be read: {error}",
        ShelfUnreachable { error: String } = "shelf_unreachable": "failed to {error}",
        AnotherShelf { wanted: ShelfId, found: ShelfId } = "another_shelf":
            "it is not the shelf that the backups lie on, whose id is {wanted}: {found} is there; nothing is \
             written there",
        UnnamedShelf { wanted: ShelfId } = "unnamed_shelf":
            "it is not the shelf that the backups lie on, whose id is {wanted}: none is there; nothing is \
             written there",
        Partials { count: usize } = "partials": "{count} half-written snapshots of killed processes",
        Strangers { count: usize, first: String } = "strangers":
            "{count} things that ChiliView did not put there, such as {first}",
        Unlisted { count: usize, first: String } = "unlisted":
            "{count} snapshots that no backup is listed for, such as {first}",
        OnOlderShelf { count: usize } = "on_older_shelf":
            "{count} verified backups are older than this shelf, and do not lie on it",
        AllSnapshots { count: usize } = "all_snapshots": "{count} verified backups, each with its snapshot",
        SnapshotMissing { snapshot: String } = "snapshot_missing":
            "it counts as verified, and its snapshot {snapshot} is missing on the shelf",
        SnapshotUnreadable { snapshot: String, error: String } = "snapshot_unreadable":
            "its snapshot {snapshot} cannot be looked at: failed to {error}",
        SnapshotResized { snapshot: String, found: u64, proven: u64 } = "snapshot_resized":
            "its snapshot {snapshot} has {found} bytes, and had {proven} when it was proven",
        ManifestMissing { snapshot: String } = "manifest_missing":
            "the manifest of its snapshot {snapshot} is missing on the shelf",

        Stored = "stored": "stored, found on a new connection, rolled back, deleted",
        RolledBack = "rolled_back": "what was rolled back is gone",
        NotStored = "not_stored": "what was stored was not there on a new connection",
        NotInserted = "not_inserted": "a row was not there in the transaction that stored it",
        NotRolledBack = "not_rolled_back": "what was rolled back is still there",
        NotDeleted = "not_deleted": "what was deleted is still there",
    }
}
