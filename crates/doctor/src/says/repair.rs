//! What a repair did, or why it did not.

use super::sentences;

sentences! {
    /// How a repair ended.
    Repair {
        MadeEmpty = "made_empty": "made it, empty",
        MadeDatabase { path: String } = "made_database": "made {path}, empty",
        MadeOwner { username: String } = "made_owner":
            "made the owner {username:?} with a random password, which is shown once",
        SetMode { mode: String } = "set_mode": "set to {mode}",
        MovedAside { to: String } = "moved_aside": "moved to {to}; remove it there when nobody misses it",
        RenamedAside { to: String } = "renamed_aside": "renamed to {to}; drop it when nobody misses it",
        MadeIndexes { copy: String } = "made_indexes":
            "copied to {copy}; made the indexes anew, and the integrity check passes",
        RanMigrations = "ran_migrations": "ran them",
        RanMigrationsAfterCopy { copy: String } = "ran_migrations_after_copy": "copied to {copy}; ran them",
        MarkedFailed = "marked_failed": "marked as failed",
        EndedMeanwhile = "ended_meanwhile": "it has ended meanwhile",
        Unlocked = "unlocked": "unlocked it",
        Swept { files: u64, bytes: u64 } = "swept": "removed {files} files, {bytes} bytes: nothing in them could be used",
        NamedShelf = "named_shelf": "it holds snapshots of these backups, and was given that id",
        AdoptedShelf = "adopted_shelf": "it holds snapshots of these backups, and is the shelf from now on",

        InUse = "in_use": "not repaired, because another process works in the data directory",
        OnlyCopied { copy: String } = "only_copied":
            "copied to {copy} and left as it is: nothing but a backup can replace it",
        IndexesStillDiffer { complaint: String } = "indexes_still_differ": "made the indexes anew, but {complaint}",
        NeedsTerminal = "needs_terminal":
            "run `chiliview doctor --repair` on a terminal, which shows the new password",
        Refused { error: String } = "repair_refused": "{error}",
        Failed { error: String } = "repair_failed": "the repair failed: {error}",
    }
}
