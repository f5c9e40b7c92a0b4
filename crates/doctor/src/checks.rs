//! The checks, by the words that name them.

macro_rules! checks {
    ($(#[$doc:meta])* $name:ident { $($(#[$check_doc:meta])* $variant:ident = $word:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($(#[$check_doc])* $variant),* }

        impl $name {
            /// Every word.
            pub const WORDS: &'static [&'static str] = &[$($word),*];

            /// The word.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),* }
            }
        }
    };
}

checks! {
    /// A check.
    Check {
        /// The directories are there, and closed to others.
        Directories = "directories",
        /// The file system is one that SQLite's locks work on.
        FileSystem = "file_system",
        /// There is room on the disk.
        FreeSpace = "free_space",
        /// SQLite loses no commit.
        SqliteVersion = "sqlite_version",
        /// The central database is whole.
        CentralDatabase = "central_database",
        /// Its write-ahead log is emptied now and then.
        Wal = "wal",
        /// Somebody can manage the platform.
        Admin = "admin",
        /// A database is closed to others.
        Mode = "mode",
        /// A database's schema is this version's.
        Migrations = "migrations",
        /// Nobody changed a database's audit log.
        AuditChain = "audit_chain",
        /// The tenants can be listed.
        Tenants = "tenants",
        /// A tenant's database is whole.
        TenantDatabase = "tenant_database",
        /// Every database has a tenant.
        Orphan = "orphan",
        /// Nothing that is over keeps a tenant from writing.
        WriteLock = "write_lock",
        /// Jobs get done.
        Jobs = "jobs",
        /// Backups get finished.
        Backups = "backups",
        /// Every tenant's schema was brought to this version's.
        FleetMigration = "fleet_migration",
        /// The shelf is ours, and what lies there is known.
        Shelf = "shelf",
        /// A verified backup has its snapshot.
        Backup = "backup",
        /// What is stored is found again.
        SelfTest = "self_test",
    }
}
