//! What to do about what was found.

use chiliview_store::{BackupId, ShelfId, Timestamp};

use super::sentences;

sentences! {
    /// One way out.
    Advice {
        Repair = "run_repair": "run `chiliview doctor --repair`",
        StopAndRepair = "stop_and_repair":
            "stop the service and its workers, then run `chiliview doctor --repair` again",

        OwnSqlite = "use_own_sqlite": "install a ChiliView that was built with its own SQLite",
        RestartService = "restart_service": "something reads for very long; restart the service",
        CheckPostgres = "check_postgres": "see whether PostgreSQL runs and CHILIVIEW_DATABASE_URL is right",
        RequireTls = "require_tls":
            "add sslmode=verify-full (and sslrootcert, where the certificate is your own) to CHILIVIEW_DATABASE_URL",
        SetClocks = "set_clocks": "have all machines keep time by NTP: they may differ by a second",
        GrantLooking = "grant_looking": "see whether ChiliView's role may look at its database",
        MakeAdmin = "make_admin": "make one: `chiliview admin create NAME`",
        LookAtCentral = "look_at_central": "look at the central database",
        SeeCentralLine = "see_central_line": "see the central database's line",
        CompareWithBackup = "compare_with_backup": "compare with a backup: somebody wrote past ChiliView",
        Distrust = "distrust": "do not trust this installation with data before it is found out why",

        TryRestoreCentral = "try_restore_central":
            "stop the service, and run `chiliview restore --central --dry-run`",
        RestoreCentral = "restore_central": "stop the service and run `chiliview restore --central`",
        RestoreBackup { backup: BackupId } = "restore_backup":
            "restore backup {backup} in the console, or by `POST /api/backups/{backup}/restore` with \
             `without_safety_backup`, while all others go on",
        UnpackVerified { command: String, taken: Timestamp } = "unpack_verified":
            "stop the service, move the file and its -wal and -shm away, and run `{command}`: the newest verified \
             backup, of {taken}; docs/OPERATIONS.md has each step",
        UnpackNewest { command: String } = "unpack_newest":
            "stop the service, move the file and its -wal and -shm away, and run `{command}`: the newest snapshot on \
             the shelf; docs/OPERATIONS.md has each step",
        UnpackFromBucket { command: String } = "unpack_from_bucket":
            "stop the service, move the file and its -wal and -shm away, and run `{command}`: names begin with their \
             time; docs/OPERATIONS.md has each step",
        NoSnapshot = "no_snapshot": "there is no snapshot of it on the shelf",
        NoVerifiedBackup = "no_verified_backup": "there is no verified backup of it",
        RestoreAndRetry = "restore_and_retry":
            "mend its database, or restore it, then POST /api/fleet-migrations tries again",

        ReplaceByDirectory = "replace_by_directory": "move it away; ChiliView needs a directory of that name",
        MakeDirectory = "make_directory": "make it, mode 0700",
        ChangeMode { mode: String, path: String } = "change_mode": "chmod {mode} {path}",
        RunAsUser = "run_as_user": "run the doctor as ChiliView's user",
        Move = "move": "move it",
        MoveToLocalDisk = "move_to_local_disk": "move the data directory to a local disk",
        MakeRoom = "make_room": "make room, or move the directory to a larger disk",
        MoveOut = "move_out": "move it out of the directory",
        LookAndMoveOut = "look_and_move_out": "look what it is, and move it out of the directory",
        LookAndDrop = "look_and_drop": "look what is in it, and drop it when nobody misses it",

        StartAndSeeLog = "start_and_see_log": "start the service, or `chiliview worker`, and look into its log",
        Start = "start": "start the service, or `chiliview worker`: it goes on with them",
        CancelBackup = "cancel_backup": "cancel it, and ask for a new one",
        LookAtRestore = "look_at_restore": "look at the restore, and run the doctor again",

        CheckShelf = "check_shelf":
            "see whether the shelf is there, and whether ChiliView may read it; the backups on it are not lost by that",
        MountShelf { wanted: ShelfId } = "mount_shelf":
            "mount the volume, or bring the shelf back with its `.shelf`; to begin an empty one here deliberately, \
             write {{\"id\": \"{wanted}\"}} into its `.shelf`",
        RemovePartials = "remove_partials": "remove them: files from .staging, uploads from the bucket",
        MoveElsewhere = "move_elsewhere": "move them elsewhere",
        ReplaceBackup = "replace_backup": "do not count on it: delete it, and ask for a new backup",
        NameOldShelf = "name_old_shelf":
            "they lie on the shelf that was configured before: name it again, or copy its files here",
        Import = "import": "import them, or move them elsewhere",
    }
}
